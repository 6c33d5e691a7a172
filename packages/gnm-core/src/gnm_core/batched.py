"""Named results that hold a batch: taken apart by index, moved between devices, shown in a line."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from operator import index as as_number
from typing import Any, Self, SupportsIndex, TypeVar, cast

import torch
from torch import Tensor

T = TypeVar("T")


def mapped(value: T, change: Callable[[Tensor], Tensor]) -> T:
    """The same value with every tensor in it changed: in dataclasses and dictionaries, at any depth."""
    return cast(T, _mapped(value, change))


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{f.name: _mapped(getattr(value, f.name), change) for f in fields(value)})
    return value


class Batched:
    """Base of dataclasses whose tensors all have the batch first."""

    def __len__(self) -> int:
        """B."""
        return len(self._first())

    def __getitem__(self, index: SupportsIndex | slice) -> Self:
        """One of the batch, as a batch of one, or several.

        Raises:
            IndexError: there is none of this number.
            TypeError: it is neither a number nor a slice.
        """
        if isinstance(index, slice):
            return mapped(self, lambda tensor: tensor[index])
        if not isinstance(index, SupportsIndex) or (isinstance(index, Tensor) and index.ndim):
            raise TypeError(f"a batch is taken apart by a whole number or a slice, not by a {type(index).__name__}")
        size, number = len(self), as_number(index)
        if not -size <= number < size:
            raise IndexError(f"there is no number {number} in a batch of {size}")
        place = number % size
        return mapped(self, lambda tensor: tensor[place : place + 1])

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return mapped(self, lambda tensor: tensor.to(device))

    def _first(self) -> Tensor:
        found = (getattr(self, f.name) for f in fields(cast(Any, self)))
        return next(value for value in found if isinstance(value, Tensor))
