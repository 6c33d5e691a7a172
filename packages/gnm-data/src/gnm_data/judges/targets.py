"""What a detector should predict for pictures whose objects are known."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gnm_data.judges.proposals import STRIDE, cells

_NEAR = 4.0
"""Standard deviation of the heat about a centre, in 128ths of the picture."""
_POSITIVE = 9.0
"""Places this near a centre, in 128ths of the picture, are to predict its object."""


@dataclass(frozen=True)
class Targets:
    """Heat everywhere, and T positive places, each of which predicts the object nearest to it."""

    heat: Tensor
    """(B, 16, 16) in [0, 1]."""
    positive: tuple[Tensor, Tensor, Tensor]
    """Scene, row and column of each positive place, each (T,) int64."""
    about: Tensor
    """(T,) int64: the object that it predicts."""
    offset: Tensor
    """(T, 2) = (x, y): the way to its centre, in strides."""


def targets(count: int, scene: Tensor, centres: Tensor) -> Targets:
    """Targets for M objects in `count` pictures.

    Args:
        count: B.
        scene: (M,) int64, the picture of each object.
        centres: (M, 2) = (x, y) in 128ths of the picture.
    """
    offset = centres[:, :, None, None] - cells()
    distance = offset.square().sum(1).sqrt()
    everywhere = torch.full((count, *distance.shape[1:]), torch.inf)
    nearest = everywhere.scatter_reduce(0, scene[:, None, None].expand_as(distance), distance, "amin")
    is_positive = (distance < _POSITIVE) & (distance == nearest[scene])
    about, row, column = is_positive.nonzero(as_tuple=True)
    heat = torch.exp(-((nearest / _NEAR) ** 2) / 2)
    return Targets(heat, (scene[about], row, column), about, offset[about, :, row, column] / STRIDE)


def heat_loss(logit: Tensor, target: Targets) -> Tensor:
    """Cross entropy, weighted by the square of the error: most places are far from any object and soon right."""
    weight = (target.heat - logit.detach().sigmoid()).square()
    loss = F.binary_cross_entropy_with_logits(logit, target.heat, weight, reduction="sum")
    return loss / (target.heat > 0.5).sum().clamp(min=1)


def place_loss(predicted: Tensor, target: Targets) -> Tensor:
    """How far (T, 2) predicted offsets are from the true ones, in 128ths of the picture."""
    return F.smooth_l1_loss(predicted * STRIDE, target.offset * STRIDE, beta=0.5)
