"""How tensors reach the C functions."""

import ctypes
from typing import Any

import torch
from torch import Tensor, nn

from gnm_core.native.library import library

KINDS = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


def can_run(x: Tensor, *parameters: Tensor) -> bool:
    """Whether there are C layers for these numbers, which must be real ones in memory: not traced, not pretended.

    Args:
        x: what the layer is given.
        parameters: its weights, of 32 bits.
    """
    for tensor in (x, *parameters):
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.device.type != "cpu":
            return False
    known = x.dtype in KINDS and all(parameter.dtype == torch.float32 for parameter in parameters)
    outside = torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return known and not outside and x.numel() > 0 and library() is not None


def call(name: str, *arguments: Tensor | int | float) -> None:
    """Call a C function for the kind of number that the first tensor holds, on torch's number of threads.

    Args:
        name: as in C, without the kind.
        arguments: contiguous tensors on the CPU, int64 and float32.

    Raises:
        TypeError: a tensor is not like that.
        MemoryError: there is none left.
    """
    found, first = library(), arguments[0]
    if found is None or not isinstance(first, Tensor):
        raise TypeError(f"{name} needs the C layers and a tensor to work on")
    function = getattr(found, f"{name}_{KINDS[first.dtype]}")
    if function(*map(_as_c, arguments), ctypes.c_int(torch.get_num_threads())):
        raise MemoryError(f"no memory for {name}")


def _as_c(value: Tensor | int | float) -> Any:
    if isinstance(value, Tensor):
        if value.device.type != "cpu" or not value.is_contiguous():
            raise TypeError(f"C layers need contiguous tensors on the CPU, not {value.shape} on {value.device}")
        return ctypes.c_void_p(value.data_ptr())
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)
