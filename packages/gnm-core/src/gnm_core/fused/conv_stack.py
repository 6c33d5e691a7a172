"""A stack of convolutions that keeps one tensor a layer for the backward pass: the activation."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from gnm_core.fused.celu_norm import Normalised, normalised
from gnm_core.fused.modules import is_plain
from gnm_core.fused.subpixel_conv import unshuffled
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.subpixel import SubpixelConv

Kept = tuple[tuple[int, ...], tuple[int, ...], int]
"""Shape, strides and offset of a tensor that can be made once more."""


def conv_stack(stack: nn.Sequential, x: Tensor) -> Tensor:
    """Each layer as PyTorch has it; a sub-pixel convolution leaves its shuffle to the norm behind it.

    A convolution's input is made once more from the activation before it when it is needed, one cheap pass instead of
    half the memory.
    """
    keep: AbstractContextManager[object] = nullcontext()
    for layer, behind in in_pairs(stack):
        upscale = 1
        with keep:
            if isinstance(layer, SubpixelConv) and isinstance(behind, CeluNorm2d) and is_plain(SubpixelConv, layer):
                x, upscale = unshuffled(layer, x), layer.upscale
            else:
                x = layer(x)
        keep = nullcontext()
        if isinstance(behind, CeluNorm2d):
            made = normalised(behind, x, upscale)
            x = rearrange(made.rows, "b h w c -> b c h w")
            if torch.is_grad_enabled():
                keep = _keep_activation(made)
            del made  # and with it the rows, once the next convolution is done
        elif behind is not None:
            x = behind(x)
    return x


def in_pairs(modules: nn.Sequential) -> Iterator[tuple[nn.Module, nn.Module | None]]:
    """Each layer, and the norm or the sigmoid behind it; None where something else is."""
    left = [*modules]
    while left:
        layer = left.pop(0)
        behind = left[0] if left else None
        if is_plain(CeluNorm2d, behind) or is_plain(nn.Sigmoid, behind):
            yield layer, left.pop(0)
        else:
            yield layer, None


def _keep_activation(made: Normalised) -> AbstractContextManager[object]:
    """Within this context the graph keeps the recipe of the rows instead of the rows."""
    source = made.rows.untyped_storage().data_ptr()
    dtype, again = made.rows.dtype, made.again

    def pack(saved: Tensor) -> Tensor | Kept:
        if saved.dtype == dtype and saved.untyped_storage().data_ptr() == source:
            return tuple(saved.shape), saved.stride(), int(saved.storage_offset())
        return saved

    def unpack(kept: Tensor | Kept) -> Tensor:
        return kept if isinstance(kept, Tensor) else again().as_strided(*kept)

    return saved_tensors_hooks(pack, unpack)
