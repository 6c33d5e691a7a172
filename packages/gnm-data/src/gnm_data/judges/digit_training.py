"""Trains the digit networks, both at once, on pictures made on the fly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.digits.contract import DigitSource
from gnm_data.judges.crops import cut, lattice
from gnm_data.judges.digit_reader import UNIT, digit_networks, digit_sizes, propose_digits
from gnm_data.judges.digit_training_data import NOTHING, DigitBatch, DigitTrainingData
from gnm_data.judges.learning import Report, learn
from gnm_data.judges.proposals import Proposals
from gnm_data.judges.targets import heat_loss, place_loss, targets

_SCENES = 32
"""Pictures in a batch."""


def train_digits(sources: Sequence[DigitSource], steps: int, seed: int, report: Report) -> dict[str, nn.Module]:
    """→ `detector` and `classifier`.

    Args:
        sources: where digits are taken from.
        steps: batches of 32 pictures.
        seed: of everything random.
        report: called with the losses now and then.
    """
    torch.manual_seed(seed)
    networks = digit_networks()
    data = DigitTrainingData(sources, "train")
    return learn(
        networks,
        lambda step: _losses(networks, data.make(_SCENES, seed * 10_000_019 + step)),
        steps,
        rate=3e-3,
        report=report,
    )


def _losses(networks: nn.ModuleDict, batch: DigitBatch) -> dict[str, Tensor]:
    """Heat, place and size of the detector; names of the classifier."""
    canvas = batch.canvas.to(memory_format=torch.channels_last)
    output = networks["detector"](F.avg_pool2d(canvas, 2)).float()
    real = batch.labels < NOTHING
    target = targets(len(canvas), batch.scene[real], batch.centres[real])
    scene, row, column = target.positive
    predicted = output[scene, :, row, column]
    return {
        "heat": heat_loss(output[:, 0], target),
        "place": place_loss(predicted[:, 1:3], target),
        "size": F.l1_loss(predicted[:, 3], (batch.sizes[real][target.about] / UNIT).log()),
        **_crop_losses(networks, batch, output.detach()),
    }


def _crop_losses(networks: nn.ModuleDict, batch: DigitBatch, output: Tensor) -> dict[str, Tensor]:
    """Names of crops about digits, ghosts, fragments and places without any; middles of the digits."""
    digit = batch.labels < NOTHING
    negative = _negatives(batch, propose_digits(output, threshold=0.1, apart=0.45))
    scene = torch.cat([batch.scene, negative.scene])
    labels = torch.cat([batch.labels, torch.full_like(negative.scene, NOTHING)])
    size = torch.cat([batch.sizes, negative.sizes]) * torch.exp(0.06 * torch.randn(len(scene)))
    shift = torch.randn(len(scene), 2) * 0.05 * size[:, None]
    shift[len(batch.scene) :] = 0
    warped = torch.rand(len(scene)) < 0.6
    warp = _warp(len(scene)) * warped[:, None, None, None]
    crops = cut(batch.canvas, scene, torch.cat([batch.centres, negative.centres]) + shift, size, warp)
    predicted = networks["classifier"](crops.contiguous(memory_format=torch.channels_last)).float()
    straight = (digit & ~warped[: len(digit)]).nonzero()[:, 0]  # where a warped digit has its middle nobody knows
    middle = predicted[straight, NOTHING + 1 :] * UNIT + shift[straight] * UNIT / size[straight, None]
    return {
        "name": F.cross_entropy(predicted[:, : NOTHING + 1], labels),
        "middle": F.smooth_l1_loss(middle, torch.zeros_like(middle), beta=0.5),
    }


@dataclass(frozen=True)
class _Negatives:
    """K places where no digit has its middle."""

    scene: Tensor
    centres: Tensor
    sizes: Tensor


def _negatives(batch: DigitBatch, found: Proposals) -> _Negatives:
    """Proposals away from every digit, places beside digits, and places anywhere."""
    count = len(batch.canvas)
    beside = torch.randint(max(len(batch.scene), 1), (count if len(batch.scene) else 0,))
    angle, away = 2 * math.pi * torch.rand(len(beside)), 0.3 + 0.5 * torch.rand(len(beside))
    offset = torch.stack([angle.cos(), angle.sin()], 1) * (away * batch.sizes[beside])[:, None]
    scene = torch.cat([found.scene, batch.scene[beside], torch.arange(count)])
    centres = torch.cat([found.centres, batch.centres[beside] + offset, 10 + 108 * torch.rand(count, 2)])
    sizes = torch.cat([digit_sizes(found).clamp(12, 36), batch.sizes[beside], 16 + 16 * torch.rand(count)])
    reach = 0.25 * torch.where(batch.labels < NOTHING, batch.sizes, 0)
    hit = (scene[:, None] == batch.scene) & (torch.cdist(centres, batch.centres) < reach)
    free = (~hit.any(1)).nonzero()[:, 0]
    free = free[torch.randperm(len(free))[: 2 * count]]
    return _Negatives(scene[free], centres[free], sizes[free])


def _warp(count: int) -> Tensor:
    """(N, 28, 28, 2): small turns, shears and stretches, and an elastic bend."""
    angle, shear = torch.randn(2, count) * torch.tensor([[math.radians(6)], [0.08]])
    across, along = torch.randn(2, count) * 0.06
    matrix = torch.stack([across, shear - angle, angle, along], -1).reshape(count, 2, 2)
    straight = torch.einsum("hwk,nok->nhwo", lattice(), matrix)
    bend = F.interpolate(torch.randn(count, 2, 5, 5) * 0.05, size=straight.shape[1:3], mode="bilinear")
    return straight + bend.permute(0, 2, 3, 1)
