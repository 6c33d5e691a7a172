"""Trains the digit networks, both at once, on pictures made on the fly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.digits.contract import DigitSource
from gnm_data.judges.crops import cut, lattice
from gnm_data.judges.digit_practice import NOTHING, DigitPractice, Practice
from gnm_data.judges.digit_reader import UNIT, digit_networks, digit_sizes, propose_digits
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
        report: told the losses now and then.
    """
    torch.manual_seed(seed)
    networks = digit_networks()
    practice = DigitPractice(sources, "train")
    return learn(
        networks,
        lambda step: _losses(networks, practice.make(_SCENES, seed * 10_000_019 + step)),
        steps,
        rate=3e-3,
        report=report,
    )


def _losses(networks: nn.ModuleDict, made: Practice) -> dict[str, Tensor]:
    """Heat, place and size of the detector; names of the classifier."""
    canvas = made.canvas.to(memory_format=torch.channels_last)
    output = networks["detector"](F.avg_pool2d(canvas, 2)).float()
    real = made.labels < NOTHING
    aims = targets(len(canvas), made.scene[real], made.centres[real])
    scene, row, column = aims.telling
    said = output[scene, :, row, column]
    return {
        "heat": heat_loss(output[:, 0], aims),
        "place": place_loss(said[:, 1:3], aims),
        "size": F.l1_loss(said[:, 3], (made.sizes[real][aims.about] / UNIT).log()),
        **_crop_losses(networks, made, output.detach()),
    }


def _crop_losses(networks: nn.ModuleDict, made: Practice, output: Tensor) -> dict[str, Tensor]:
    """Names of crops about things, places that are wrongly proposed and places beside digits; middles of the digits."""
    digit = made.labels < NOTHING
    wrong = _wrong_places(made, propose_digits(output, threshold=0.1, apart=0.45))
    scene = torch.cat([made.scene, wrong.scene])
    labels = torch.cat([made.labels, torch.full_like(wrong.scene, NOTHING)])
    size = torch.cat([made.sizes, wrong.sizes]) * torch.exp(0.06 * torch.randn(len(scene)))
    shift = torch.randn(len(scene), 2) * 0.05 * size[:, None]
    shift[len(made.scene) :] = 0
    bent = torch.rand(len(scene)) < 0.6
    warp = _warp(len(scene)) * bent[:, None, None, None]
    crops = cut(made.canvas, scene, torch.cat([made.centres, wrong.centres]) + shift, size, warp)
    said = networks["classifier"](crops.contiguous(memory_format=torch.channels_last)).float()
    straight = (digit & ~bent[: len(digit)]).nonzero()[:, 0]  # where a bent digit has its middle nobody knows
    middle = said[straight, NOTHING + 1 :] * UNIT + shift[straight] * UNIT / size[straight, None]
    return {
        "name": F.cross_entropy(said[:, : NOTHING + 1], labels),
        "middle": F.smooth_l1_loss(middle, torch.zeros_like(middle), beta=0.5),
    }


@dataclass(frozen=True)
class _Places:
    """K places where no digit has its middle."""

    scene: Tensor
    centres: Tensor
    sizes: Tensor


def _wrong_places(made: Practice, found: Proposals) -> _Places:
    """Proposals away from every digit, places beside digits, and places anywhere."""
    count = len(made.canvas)
    beside = torch.randint(max(len(made.scene), 1), (count if len(made.scene) else 0,))
    angle, away = 2 * math.pi * torch.rand(len(beside)), 0.3 + 0.5 * torch.rand(len(beside))
    way = torch.stack([angle.cos(), angle.sin()], 1) * (away * made.sizes[beside])[:, None]
    scene = torch.cat([found.scene, made.scene[beside], torch.arange(count)])
    centres = torch.cat([found.centres, made.centres[beside] + way, 10 + 108 * torch.rand(count, 2)])
    sizes = torch.cat([digit_sizes(found).clamp(12, 36), made.sizes[beside], 16 + 16 * torch.rand(count)])
    reach = 0.25 * torch.where(made.labels < NOTHING, made.sizes, 0)
    hit = (scene[:, None] == made.scene) & (torch.cdist(centres, made.centres) < reach)
    free = (~hit.any(1)).nonzero()[:, 0]
    free = free[torch.randperm(len(free))[: 2 * count]]
    return _Places(scene[free], centres[free], sizes[free])


def _warp(count: int) -> Tensor:
    """(N, 28, 28, 2): small turns, shears and stretches, and an elastic bend."""
    angle, shear = torch.randn(2, count) * torch.tensor([[math.radians(6)], [0.08]])
    across, along = torch.randn(2, count) * 0.06
    matrix = torch.stack([across, shear - angle, angle, along], -1).reshape(count, 2, 2)
    straight = torch.einsum("hwk,nok->nhwo", lattice(), matrix)
    bend = F.interpolate(torch.randn(count, 2, 5, 5) * 0.05, size=straight.shape[1:3], mode="bilinear")
    return straight + bend.permute(0, 2, 3, 1)
