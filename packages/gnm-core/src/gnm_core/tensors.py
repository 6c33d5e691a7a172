"""Tensors from files: which are what a weight is, numbers in memory one after the other."""

import torch
from torch import Tensor

PLAIN = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
"""Kinds of numbers that every operation knows."""


def oddity(tensor: Tensor) -> str | None:
    """Why a tensor is not a plain one, in a word; None for plain ones. Its values do not matter."""
    if tensor.is_nested:
        return "nested"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout != torch.strided:
        return "sparse"
    if tensor.device.type == "meta":
        return "without values (on the device 'meta')"
    return None if tensor.dtype in PLAIN else f"of {kind_of(tensor)}"


def kind_of(tensor: Tensor) -> str:
    """`float32`."""
    return str(tensor.dtype).removeprefix("torch.")
