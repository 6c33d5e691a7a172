"""How tensors reach the C functions."""

import ctypes
from typing import Any

import torch
from torch import Tensor

from gnm_core.native.library import library

KINDS = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


def can_run(x: Tensor) -> bool:
    """Whether the C layers are there and know these numbers."""
    return x.device.type == "cpu" and x.dtype in KINDS and x.numel() > 0 and library() is not None


def call(name: str, *arguments: Tensor | int | float) -> None:
    """Call a C function for the kind of number that the first tensor holds, on torch's number of threads.

    Args:
        name: as in C, without the kind.
        arguments: contiguous tensors, int64 and float32.

    Raises:
        MemoryError: there is none left.
    """
    found, first = library(), arguments[0]
    assert found is not None
    assert isinstance(first, Tensor)
    function = getattr(found, f"{name}_{KINDS[first.dtype]}")
    if function(*map(_as_c, arguments), ctypes.c_int(torch.get_num_threads())):
        raise MemoryError(f"no memory for {name}")


def _as_c(value: Tensor | int | float) -> Any:
    if isinstance(value, Tensor):
        assert value.is_contiguous()
        return ctypes.c_void_p(value.data_ptr())
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)
