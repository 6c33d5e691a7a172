"""A chain of convolutions with CELU and norm in between that keeps one tensor a layer for the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from gnm_core.layers.celu_norm import CeluNorm2d, Normalised
from gnm_core.layers.subpixel import SubpixelConv

Geometry = tuple[tuple[int, ...], tuple[int, ...], int]


class ConvStack(nn.Sequential):
    """`nn.Sequential` for convolutions, `CeluNorm2d` and final activations.

    A convolution keeps its input for the backward pass, and the norm before it keeps the activation that this input was
    made of. Here the convolution's input is made once more from that activation when it is needed: one cheap pass
    instead of half the memory. A sub-pixel convolution leaves its shuffle to the norm or the sigmoid behind it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → what the last layer makes of it."""
        keep: AbstractContextManager[object] = nullcontext()
        for layer, behind in _in_pairs(list(self)):
            upscale = 1
            with keep:
                if isinstance(behind, nn.Sigmoid):
                    assert isinstance(layer, SubpixelConv)
                    x = layer.picture(x)
                elif isinstance(behind, CeluNorm2d) and _is(SubpixelConv, layer):
                    assert isinstance(layer, SubpixelConv)
                    x, upscale = layer.unshuffled(x), layer.upscale
                else:
                    x = layer(x)
            keep = nullcontext()
            if isinstance(behind, CeluNorm2d):
                normalised = behind.normalise(x, upscale)
                x = rearrange(normalised.rows, "b h w c -> b c h w")
                if torch.is_grad_enabled() and not torch.compiler.is_compiling():
                    keep = _keep_activation(normalised)
                del normalised  # and with it the rows, once the next convolution is done
        return x


def _in_pairs(layers: list[nn.Module]) -> Iterator[tuple[nn.Module, nn.Module | None]]:
    """Each layer, and the norm or the picture's sigmoid behind it; None where something else is."""
    layers = [*layers]
    while layers:
        layer = layers.pop(0)
        behind = layers[0] if layers else None
        if _is(CeluNorm2d, behind) or (_is(nn.Sigmoid, behind) and _is(SubpixelConv, layer)):
            yield layer, layers.pop(0)
        else:
            yield layer, None


def _is(kind: type[nn.Module], layer: nn.Module | None) -> bool:
    """Whether it is of that very kind, and nobody minds when its `forward` is not called."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return type(layer) is kind and "forward" not in vars(layer) and not any(getattr(layer, name) for name in hooks)


def _keep_activation(normalised: Normalised) -> AbstractContextManager[object]:
    """Within this context the graph keeps the recipe of the rows instead of the rows."""
    source = normalised.rows.untyped_storage().data_ptr()
    dtype, again = normalised.rows.dtype, normalised.again

    def pack(saved: Tensor) -> Tensor | Geometry:
        if saved.dtype == dtype and saved.untyped_storage().data_ptr() == source:
            return tuple(saved.shape), saved.stride(), int(saved.storage_offset())
        return saved

    def unpack(kept: Tensor | Geometry) -> Tensor:
        return kept if isinstance(kept, Tensor) else again().as_strided(*kept)

    return saved_tensors_hooks(pack, unpack)
