"""Laws of decoders of feature maps."""

import torch
from gnm_core.dims import Dims
from gnm_core.testing import EXERCISES, EXPERIMENTS, Experiment, Outputs
from gnm_core.testing.require import require_shape, require_unit
from torch import Tensor

from gnm_baselines.decoders.contract import MapDecoder


def _map(dims: Dims, batch: int) -> Tensor:
    return torch.randn(batch, dims.features, dims.grid, dims.grid)


def _exercise(decoder: MapDecoder, dims: Dims) -> Outputs:
    image = decoder(_map(dims, 3))
    require_shape("the image", image, 3, dims.channels, dims.size, dims.size)
    require_unit("the image", image)
    return {"the image": image}


EXERCISES[MapDecoder] = _exercise
EXPERIMENTS[MapDecoder] = Experiment(
    lambda part, dims, batch: {"features": _map(dims, batch)},
    lambda part, x: {"the image": part(x["features"])},
    None,
    ("features",),
)
