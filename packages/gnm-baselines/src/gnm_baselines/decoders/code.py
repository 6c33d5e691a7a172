"""The VAE's decoder."""

from typing import Annotated

from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder
from gnm_core.dims import Dims
from gnm_render.decoders.stack import subpixel_stack
from torch import Tensor

from gnm_baselines.decoders.growth import check_growth, doublings
from gnm_baselines.layers.relu_norm import ReluNorm2d

Sizes = tuple[Annotated[int, Ge(1), Le(65536)], ...]


class CodeDecoder(BackgroundDecoder):
    """Code of a whole picture to the picture: twelve sub-pixel convolutions with ReLU and norm (Table 8).

    Args:
        dims: `background` (the code), `channels`, `size`.
        channels: hidden channels.
        kernels: odd kernels, one a layer (one more than hidden channels).
        upscales: growth of each layer; by default the first layer makes 4 x 4 pixels, and as many of layers 3, 5, 7,
            9 and 11 double them as it takes to reach `size` (all of them for 128 px: Table 8).

    Raises:
        OptionError: the lists do not fit each other, or the decoder does not reach the image's size.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        channels: Sizes = (128, 128, 64, 64, 32, 32, 16, 16, 16, 16, 8),
        kernels: Sizes = (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3),
        upscales: Sizes | None = None,
    ) -> None:
        super().__init__()
        if upscales is None:
            pairs = len(channels) // 2
            growing = doublings(4, dims.size, pairs)
            tail = [1, 2] * growing + [1, 1] * (pairs - growing)
            upscales = (4, *tail, *[1] * (len(channels) + 1 - len(tail) - 1))
        check_growth(upscales, 1, dims.size)
        self.layers = subpixel_stack(dims.background, channels, dims.channels, kernels, upscales, ReluNorm2d)

    def forward(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W) in [0, 1]."""
        image: Tensor = self.layers(rearrange(code, "b d -> b d 1 1"))
        return image
