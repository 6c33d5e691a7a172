"""A chain of convolutions with CELU and norm in between that keeps one tensor a layer for the backward pass."""

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
        layers = list(self)
        keep: AbstractContextManager[object] = nullcontext()
        upscale = 1
        for before, layer, behind in zip([None, *layers[:-1]], layers, [*layers[1:], None], strict=True):
            if isinstance(layer, CeluNorm2d):
                normalised = layer.normalise(x, upscale)
                x, upscale = rearrange(normalised.rows, "b h w c -> b c h w"), 1
                if torch.is_grad_enabled() and not torch.compiler.is_compiling():
                    keep = _keep_activation(normalised)
                del normalised  # and with it the rows, once the convolution is done
                continue
            if isinstance(layer, nn.Sigmoid) and isinstance(before, SubpixelConv):
                continue  # that convolution has seen to it
            with keep:
                if isinstance(layer, SubpixelConv) and isinstance(behind, CeluNorm2d):
                    x, upscale = layer.unshuffled(x), layer.upscale
                elif isinstance(layer, SubpixelConv) and isinstance(behind, nn.Sigmoid):
                    x = layer.picture(x)
                else:
                    x = layer(x)
            keep = nullcontext()
        return x


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
