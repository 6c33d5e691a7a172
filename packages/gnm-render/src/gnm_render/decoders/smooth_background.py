"""A background without edges."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder
from gnm_core.dims import Dims
from gnm_core.layers.mlp import mlp
from gnm_core.parts.background_encoders.surroundings import colours_alone
from torch import Tensor
from torch.nn import functional as F


class SmoothBackground(BackgroundDecoder):
    """z^b → hidden layers → a few colours a side → bilinear growth to the image: it can paint nothing small.

    Args:
        dims: `background`, `channels`, `size`.
        side: colours along one side.
        begin: `fresh` weights, or weights with which the code is the `colours`, from black at -2.5 to white at 2.5.
        hidden: sizes of the hidden layers; by default none, a linear map.

    Raises:
        OptionError: the code is to begin as colours, and has not one number for each, or there are hidden layers.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        side: Annotated[int, Ge(1), Le(4096)] = 8,
        begin: Literal["fresh", "colours"] = "fresh",
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (),
    ) -> None:
        super().__init__()
        self.side, self.size = side, dims.size
        self.layers = mlp([dims.background, *hidden, dims.channels * side**2])
        if begin == "colours":
            layer = colours_alone(self.layers, dims, side)
            with torch.no_grad():
                layer.weight.copy_(torch.eye(dims.background))
                layer.bias.zero_()

    def forward(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W) in [0, 1]."""
        colours = rearrange(self.layers(code).sigmoid(), "b (c h w) -> b c h w", h=self.side, w=self.side)
        return F.interpolate(colours, size=(self.size, self.size), mode="bilinear", align_corners=False)
