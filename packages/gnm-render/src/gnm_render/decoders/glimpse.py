"""Sub-pixel decoder of z^what."""

from typing import Annotated

from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import GlimpseDecoder
from gnm_core.dims import Dims
from torch import Tensor

from gnm_render.decoders.stack import grown_size, subpixel_stack

Sizes = tuple[Annotated[int, Ge(1), Le(65536)], ...]


class SubpixelGlimpse(GlimpseDecoder):
    """Sub-pixel glimpse decoder: Table 5 with `masks`, kernels of 3 and upscales of 2; by default the MNIST one.

    Args:
        dims: `what`, `channels`.
        masks: one more channel, the object's mask.
        channels: hidden channels.
        kernels: odd kernels, one a layer (one more than hidden channels).
        upscales: growth of each layer; their product is the glimpse's size in pixels.

    Raises:
        OptionError: the lists do not fit each other, or a kernel is even.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        masks: bool = False,
        channels: Sizes = (64, 64, 32, 16, 8),
        kernels: Sizes = (1, 1, 1, 1, 3, 3),
        upscales: Sizes = (4, 2, 2, 2, 1, 1),
    ) -> None:
        super().__init__()
        self.masks, self.size = masks, grown_size(upscales)
        self.layers = subpixel_stack(dims.what, channels, dims.channels + masks, kernels=kernels, upscales=upscales)

    def forward(self, what: Tensor) -> Tensor:
        """(N, D) → (N, C or C + 1, size, size) in [0, 1]."""
        glimpse: Tensor = self.layers(rearrange(what, "n d -> n d 1 1"))
        return glimpse
