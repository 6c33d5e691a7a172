"""Sub-pixel decoder of z^b."""

from typing import Annotated

from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from torch import Tensor

from gnm_render.decoders.stack import grown_size, subpixel_stack

Sizes = tuple[Annotated[int, Ge(1), Le(65536)], ...]


class SubpixelBackground(BackgroundDecoder):
    """Sub-pixel background decoder (Table 6, with as many output channels as the image has, as published).

    Args:
        dims: `background`, `channels`, `size`.
        channels: hidden channels.
        kernels: odd kernels, one a layer.
        upscales: growth of each layer; their product must be `size`.

    Raises:
        OptionError: the lists do not fit each other, or the decoder does not reach the image's size.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        channels: Sizes = (128, 64, 32, 16, 8),
        kernels: Sizes = (1, 1, 1, 1, 1, 3),
        upscales: Sizes = (4, 2, 4, 2, 2, 1),
    ) -> None:
        super().__init__()
        if grown_size(upscales) != dims.size:
            raise OptionError(
                "upscales", f"{list(upscales)} grow one pixel to {grown_size(upscales)} px; the image has {dims.size}"
            )
        self.layers = subpixel_stack(dims.background, channels, dims.channels, kernels=kernels, upscales=upscales)

    def forward(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W) in [0, 1]."""
        image: Tensor = self.layers(rearrange(code, "b d -> b d 1 1"))
        return image
