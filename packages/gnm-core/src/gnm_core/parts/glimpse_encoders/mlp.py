"""Reads the crop of a box with a multi-layer perceptron."""

from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import Tensor

from gnm_core.contracts import GlimpseEncoder
from gnm_core.dims import Dims
from gnm_core.layers.mlp import mlp


class MlpGlimpseEncoder(GlimpseEncoder):
    """Every pixel of the crop → hidden layers → E numbers.

    Args:
        dims: `channels`, `features`.
        size: side of the crop, in pixels.
        hidden: sizes of the hidden layers.
        level: what is taken off every pixel; pictures in colour are learnt faster about their middle.
        gain: what it is multiplied by then.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        size: Annotated[int, Ge(2), Le(4096)] = 16,
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (256, 128),
        level: float = 0.0,
        gain: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        super().__init__()
        self.size, self.level, self.gain = size, level, gain
        self.layers = mlp([dims.channels * size**2, *hidden, dims.features])

    def forward(self, glimpse: Tensor) -> Tensor:
        """(N, C, size, size) in [0, 1] → (N, E)."""
        features: Tensor = self.layers((glimpse.flatten(1) - self.level) * self.gain)
        return features
