"""Where constructors are tried: on torch's meta device, where nothing is allocated and nothing needs to be filled."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_OF_TENSORS = ("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_")
_FILLS = frozenset(
    (
        *(getattr(Tensor, name) for name in _OF_TENSORS),
        *(nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.orthogonal_, nn.init.sparse_),
        *(nn.init.kaiming_normal_, nn.init.kaiming_uniform_, nn.init.xavier_normal_, nn.init.xavier_uniform_),
    )
)


class _WithoutFills(TorchFunctionMode):
    """Random numbers for tensors that hold none are left out: torch imports its compiler (2 s) to make them."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FILLS:
            filled = args[0] if args else kwargs.get("tensor")
            if isinstance(filled, Tensor) and filled.is_meta:
                return filled
        return func(*args, **kwargs)


@contextmanager
def constructors_on_meta_device() -> Iterator[None]:
    """Within this context what is built has sizes and no values."""
    with torch.device("meta"), _WithoutFills():
        yield
