"""Fully connected decoder of z^what."""

from typing import Annotated

from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import GlimpseDecoder
from gnm_core.dims import Dims
from gnm_core.layers.mlp import mlp
from torch import Tensor


class MlpGlimpse(GlimpseDecoder):
    """z^what → hidden layers → every pixel of the glimpse.

    Args:
        dims: `what`, `channels`.
        masks: one more channel, the object's mask.
        size: side of the glimpse, in pixels.
        hidden: sizes of the hidden layers.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        masks: bool = False,
        size: Annotated[int, Ge(2), Le(4096)] = 16,
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (128, 256),
    ) -> None:
        super().__init__()
        self.masks, self.size, self.channels = masks, size, dims.channels + masks
        self.layers = mlp([dims.what, *hidden, self.channels * size**2])

    def forward(self, what: Tensor) -> Tensor:
        """(N, D) → (N, C or C + 1, size, size) in [0, 1]."""
        pixels: Tensor = self.layers(what)
        return rearrange(pixels.sigmoid(), "n (c h w) -> n c h w", c=self.channels, h=self.size)
