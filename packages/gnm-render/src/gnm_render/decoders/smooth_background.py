"""A background without edges."""

from typing import Annotated

from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder
from gnm_core.dims import Dims
from gnm_core.layers.mlp import mlp
from torch import Tensor
from torch.nn import functional as F


class SmoothBackground(BackgroundDecoder):
    """z^b → hidden layers → a few colours a side → bilinear growth to the image: it can paint nothing small.

    Args:
        dims: `background`, `channels`, `size`.
        side: colours along one side.
        hidden: sizes of the hidden layers; by default none, a linear map.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        side: Annotated[int, Ge(1), Le(4096)] = 8,
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (),
    ) -> None:
        super().__init__()
        self.side, self.size = side, dims.size
        self.layers = mlp([dims.background, *hidden, dims.channels * side**2])

    def forward(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W) in [0, 1]."""
        colours = rearrange(self.layers(code).sigmoid(), "b (c h w) -> b c h w", h=self.side, w=self.side)
        return F.interpolate(colours, size=(self.size, self.size), mode="bilinear", align_corners=False)
