"""Where objects are, out of a detector's map."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from gnm_data.judges.canvas import SIDE
from gnm_data.judges.networks import Detector

STRIDE = SIDE // Detector.places
"""From one place of a detector's map to the next, in 128ths of the picture."""


@dataclass(frozen=True)
class Proposals:
    """M places in B pictures where an object may be, picture by picture."""

    scene: Tensor
    """(M,) int64."""
    centres: Tensor
    """(M, 2) = (x, y) in 128ths of the picture."""
    heat: Tensor
    """(M,) in [0, 1]."""
    rest: Tensor
    """(M, D): whatever else the detector predicts there."""

    def by_picture(self, count: int) -> list[slice]:
        """Which of the M places are in each of the `count` pictures."""
        ends: list[int] = torch.searchsorted(self.scene, torch.arange(count + 1)).tolist()
        return [slice(first, last) for first, last in pairwise(ends)]


def cells() -> Tensor:
    """(2, 16, 16) = (x, y): middle of each place of a detector's map, in 128ths of the picture."""
    line = (torch.arange(Detector.places) + 0.5) * STRIDE
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))


def propose(output: Tensor, threshold: float, apart: Callable[[Tensor], Tensor]) -> Proposals:
    """Places with heat, each with the centre that it predicts; the hottest place for each centre.

    Args:
        output: (B, 3 + D, 16, 16): logit of the heat, centre relative to the place in strides, the rest.
        threshold: least heat.
        apart: the rest (M, D) → (M,): how far each must be from any hotter one, in 128ths of the picture.
    """
    heat = output[:, 0].sigmoid()
    scene, row, column = (heat >= threshold).nonzero(as_tuple=True)
    found = output[scene, :, row, column]
    centres = cells()[:, row, column].T + found[:, 1:3] * STRIDE
    peak = heat[scene, row, column]
    near = (torch.cdist(centres, centres) < apart(found[:, 3:])[:, None]) & (scene[:, None] == scene)
    order = torch.arange(len(scene))
    hotter = (peak[None] > peak[:, None]) | ((peak[None] == peak[:, None]) & (order[None] < order[:, None]))
    keep = ~(near & hotter).any(1)
    return Proposals(scene[keep], centres[keep], peak[keep], found[keep, 3:])
