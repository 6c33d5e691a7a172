"""ConvDRAW's decoder."""

from typing import Annotated

from annotated_types import Ge, Le
from gnm_core.dims import Dims
from gnm_render.decoders.stack import subpixel_stack
from torch import Tensor

from gnm_baselines.decoders.contract import MapDecoder
from gnm_baselines.decoders.growth import check_growth, doublings
from gnm_baselines.layers.relu_norm import ReluNorm2d

Sizes = tuple[Annotated[int, Ge(1), Le(65536)], ...]


class SubpixelMap(MapDecoder):
    """Drawn feature map to the picture: eleven sub-pixel convolutions with ReLU and norm (Table 9).

    Args:
        dims: `features`, `grid`, `channels`, `size`.
        channels: hidden channels.
        kernels: odd kernels, one a layer (one more than hidden channels).
        upscales: growth of each layer; by default as many of layers 2, 4, 6, 8 and 10 double as it takes to get from
            `grid` to `size` (all of them for 4 to 128: Table 9).

    Raises:
        OptionError: the lists do not fit each other, or the decoder does not reach the image's size.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        channels: Sizes = (128, 64, 64, 32, 32, 16, 16, 16, 16, 8),
        kernels: Sizes = (3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3),
        upscales: Sizes | None = None,
    ) -> None:
        super().__init__()
        if upscales is None:
            pairs = len(channels) // 2
            growing = doublings(dims.grid, dims.size, pairs)
            tail = [1, 2] * growing
            upscales = (*tail, *[1] * (len(channels) + 1 - len(tail)))
        check_growth(upscales, dims.grid, dims.size)
        self.layers = subpixel_stack(dims.features, channels, dims.channels, kernels, upscales, ReluNorm2d)

    def forward(self, feature_map: Tensor) -> Tensor:
        """(B, E, G, G) → (B, C, H, W) in [0, 1]."""
        image: Tensor = self.layers(feature_map)
        return image
