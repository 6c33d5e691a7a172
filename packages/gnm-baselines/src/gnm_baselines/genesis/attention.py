"""The attention core: image to features, mask code to mask logits."""

from abc import abstractmethod
from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, Le, MinLen
from gnm_core.contracts import Contract
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from torch import Tensor, nn

from gnm_baselines.fused.pointwise import pointwise
from gnm_baselines.layers.gated import GatedConv, GatedDense, GatedExpand, GatedTransposed

Sizes = Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)]


class Attention(Contract, nn.Module):
    """Encodes a picture for its mask codes, and decodes a mask code to the logits of a mask."""

    kind = "attention"
    describes = "picture to features of its masks, mask code to mask"

    features: int
    """F: numbers in the encoding of a picture."""
    code: int
    """D: numbers in a mask code."""

    @abstractmethod
    def encode(self, image: Tensor) -> Tensor:
        """(B, C, H, W) → (B, F)."""

    @abstractmethod
    def decode(self, code: Tensor) -> Tensor:
        """(B, D) → (B, H, W): logits of each pixel's share."""


class GatedAttention(Attention):
    """Gated 5x5 convolutions down to a map, one vector, and back up (GENESIS, arXiv:1907.13052).

    By default the seven layers that fit the source's size (Table 3); the published five are
    `channels: [32, 32, 64, 64, 64], strides: [2, 2, 2, 1, 1]`.

    Args:
        dims: `channels`, `size`.
        channels: channels of each layer of the encoder.
        strides: stride of each of them, 1 or 2; the decoder has them in reverse.
        decoder: channels of each layer of the decoder; by default the widest once, then the narrowest.
        features: F.
        code: D.

    Raises:
        OptionError: the lists differ in length, a stride is neither 1 nor 2, or the strides do not divide the image.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        channels: Sizes = (32, 32, 64, 64, 64, 64, 64),
        strides: Sizes = (1, 2, 1, 2, 1, 2, 1),
        decoder: Sizes | None = None,
        features: Annotated[int, Ge(1), Le(65536)] = 256,
        code: Annotated[int, Ge(1), Le(65536)] = 64,
    ) -> None:
        super().__init__()
        layers = len(channels)
        decoder = decoder or (max(channels), *[min(channels)] * (layers - 1))
        for option, values in (("strides", strides), ("decoder", decoder)):
            if len(values) != layers:
                raise OptionError(option, f"{len(values)} numbers for {layers} layers")
        if not set(strides) <= {1, 2}:
            raise OptionError("strides", f"{list(strides)}; a stride is 1 or 2")
        side, rest = divmod(dims.size, prod(strides))
        if rest:
            raise OptionError("strides", f"{list(strides)} divide {dims.size} px by {prod(strides)}, which does not go")
        self.features, self.code = features, code
        before = [dims.channels, *channels]
        self.down = nn.Sequential(*[GatedConv(*sizes) for sizes in zip(before[:-1], channels, strides, strict=True)])
        self.squeeze = GatedDense(channels[-1], features, side)
        self.expand = GatedExpand(code, channels[-1], side)
        before = [channels[-1], *decoder]
        self.up = nn.Sequential(
            *[GatedTransposed(*sizes) for sizes in zip(before[:-1], decoder, strides[::-1], strict=True)]
        )
        self.logits = nn.Conv2d(decoder[-1], 1, 1)

    def encode(self, image: Tensor) -> Tensor:
        """(B, C, H, W) → (B, F)."""
        features: Tensor = self.squeeze(self.down(image.contiguous(memory_format=torch.channels_last)))
        return features

    def decode(self, code: Tensor) -> Tensor:
        """(B, D) → (B, H, W)."""
        return pointwise(self.logits, self.up(self.expand(code))).squeeze(1)
