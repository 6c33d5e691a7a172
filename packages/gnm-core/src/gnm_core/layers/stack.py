"""A chain of convolutions with CELU and norm in between that keeps one tensor a layer for the backward pass."""

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from gnm_core.layers.celu_norm import CeluNorm2d, Normalised, as_images

Geometry = tuple[tuple[int, ...], tuple[int, ...], int]


class ConvStack(nn.Sequential):
    """`nn.Sequential` for convolutions, `CeluNorm2d` and final activations.

    A convolution keeps its input for the backward pass, and the norm before it keeps the activation that this input was
    made of. Here the convolution's input is made once more from that activation when it is needed: one cheap pass
    instead of half the memory.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → what the last layer makes of it."""
        if not torch.is_grad_enabled() or torch.compiler.is_compiling():
            for layer in self:
                x = layer(x)
            return x
        normalised: Normalised | None = None
        for layer in self:
            if isinstance(layer, CeluNorm2d):
                normalised = layer.normalise(x)
                x = as_images(normalised.rows, x)
            elif normalised is None:
                x = layer(x)
            else:
                keep = _KeepActivation(normalised)
                with saved_tensors_hooks(keep.pack, keep.unpack):
                    x = layer(x)
                normalised = None
        return x


class _KeepActivation:
    """Saves views of normalised rows as the activation that they come from."""

    def __init__(self, normalised: Normalised) -> None:
        self.source = normalised.rows.untyped_storage().data_ptr()
        self.dtype = normalised.rows.dtype
        nothing = normalised.rows.new_empty(0)
        self.recipe = Normalised(nothing, normalised.activation, normalised.weight, normalised.bias)

    def pack(self, saved: Tensor) -> Tensor | Geometry:
        if saved.dtype == self.dtype and saved.untyped_storage().data_ptr() == self.source:
            return tuple(saved.shape), saved.stride(), int(saved.storage_offset())
        return saved

    def unpack(self, kept: Tensor | Geometry) -> Tensor:
        return kept if isinstance(kept, Tensor) else self.recipe.again().as_strided(*kept)
