"""How tensors reach the C functions."""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnm_core.native.library import library, why_not


class Functions:
    """The C functions of a folder.

    A package has its own with `Functions(Path(__file__).parent / "csrc", ("function", ...))`. They take pointers, int64
    and float, at last the number of threads, and return 0, or 1 where there is no memory left.

    Args:
        folder: of C files and headers; absolute.
        names: all functions that are called: a library without one of them is compiled anew.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder, self.names = folder, names
        self._functions: dict[str, Any] = {}

    def can_take(self, *tensors: Tensor) -> bool:
        """Whether they are there and can be given these tensors: torch's own, on the CPU."""
        for tensor in tensors:
            if type(tensor) not in _KINDS or not tensor.is_cpu:
                return False
        return bool(self._functions) or self._found()

    def why_not(self) -> str | None:
        """Why they are not there, for people; None if they are."""
        return why_not(self.folder, self.names)

    def number(self, name: str) -> int:
        """What a function without arguments returns."""
        return int(self._function(name)())

    def call(self, name: str, *arguments: Tensor | int | float | None) -> None:
        """Call a function on torch's number of threads.

        Args:
            name: as in C.
            arguments: contiguous tensors on the CPU or None, int64 and float32.

        Raises:
            TypeError: a tensor is not like that.
            MemoryError: there is none left.
        """
        if self._function(name)(*map(_as_c, arguments), ctypes.c_int(torch.get_num_threads())):
            raise MemoryError(f"no memory for {name}")

    def _function(self, name: str) -> Any:
        if not self._functions and not self._found():
            raise RuntimeError(f"there are no functions in C: {self.why_not()}")
        return self._functions[name]

    def _found(self) -> bool:
        found = library(self.folder, self.names)
        if found is not None:
            self._functions = {name: getattr(found, name) for name in self.names}
        return found is not None


_KINDS = (Tensor, nn.Parameter)
"""Not those of others, which may be anything."""

LAYERS = Functions(
    Path(__file__).parent / "csrc",
    (
        *("stack_forward", "stack_backward", "stack_lanes", "stack_has_tiles"),
        *("celu_norm_forward", "celu_norm_backward", "lstm_forward", "lstm_backward", "rmsprop_steps"),
    ),
)
"""Those of this package."""


def addresses(tensors: Sequence[Tensor | None]) -> Tensor:
    """(N,) int64: where each contiguous float32 tensor lies in memory; 0 for None.

    Raises:
        TypeError: a tensor is not like that.
    """
    found = []
    for tensor in tensors:
        if tensor is not None and tensor.dtype != torch.float32:
            raise TypeError(f"C layers need numbers of 32 bits, not {tensor.dtype}")
        found.append(_as_c(tensor).value or 0)
    return torch.tensor(found, dtype=torch.int64, device="cpu")


def _as_c(value: Tensor | int | float | None) -> Any:
    if value is None:
        return ctypes.c_void_p(None)
    if isinstance(value, Tensor):
        if not value.is_cpu or not value.is_contiguous():
            raise TypeError(f"C layers need contiguous tensors on the CPU, not {value.shape} on {value.device}")
        if value.numel() and not value.data_ptr():
            raise TypeError(f"C layers need tensors with memory, not {value.shape} without")
        return ctypes.c_void_p(value.data_ptr())
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)
