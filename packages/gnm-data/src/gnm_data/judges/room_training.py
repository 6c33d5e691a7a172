"""Trains the Arrow Room network on rooms of its own."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.judges.canvas import SIDE
from gnm_data.judges.learning import Report, learn
from gnm_data.judges.proposals import STRIDE, cells
from gnm_data.judges.room_practice import RoomBank, RoomPractice
from gnm_data.judges.room_reader import (
    ARROW,
    CLASSES,
    arrow_crops,
    body_crops,
    room_classifier,
    room_detector,
    room_pointer,
    ways_on_floor,
)
from gnm_data.judges.targets import Targets, heat_loss, place_loss, targets

Losses = Callable[[nn.Module, RoomPractice], dict[str, Tensor]]

_SCENES = 32
"""Pictures in a batch."""
_RIM = 3.0
"""A body whose foot lies beyond the picture is looked for this far within its edge, in 128ths of the picture."""
_CLEAR = 11.0
"""Where no body has its foot within this, in 128ths of the picture, a crop shows none."""
_SHIFT, _SPREAD = 1.3, 0.08
"""How far crops are from where they should be, in 128ths of the picture, and how much larger or smaller, as a share."""
_LOOKS = 3
"""Crops about each arrow."""
_BEYOND = 10.0
"""Crops about feet beyond the picture are no farther from it than this."""
_UNSAID = 11.0
"""About the foot of a body that is half hidden nothing is said, this far, in 128ths of the picture."""


def train_rooms(bank: RoomBank, arrows: RoomBank, steps: int, seed: int, report: Report) -> dict[str, nn.Module]:
    """→ `detector`, `classifier` and `pointer`, trained one after the other.

    Args:
        bank: rooms to learn from.
        arrows: rooms for the pointer, in which most arrows point anywhere.
        steps: batches of 32 pictures; two thirds of them suffice for the pointer.
        seed: of everything random.
        report: told the losses now and then.
    """
    trained: dict[str, nn.Module] = {}
    for name, make, losses, rooms, count in (
        ("detector", room_detector, detector_losses, bank, steps),
        ("classifier", room_classifier, classifier_losses, bank, steps),
        ("pointer", room_pointer, pointer_losses, arrows, max(2 * steps // 3, 2)),
    ):
        torch.manual_seed(seed)
        network = make()
        trained |= learn(
            nn.ModuleDict({name: network}),
            partial(_step, network, losses, rooms, seed),
            count,
            rate=3e-3,
            report=report,
        )
    return trained


def _step(network: nn.Module, losses: Losses, bank: RoomBank, seed: int, step: int) -> dict[str, Tensor]:
    with torch.autocast("cpu", enabled=False):
        made = bank.make(_SCENES, seed * 10_000_019 + step)
    return losses(network, made)


def detector_losses(detector: nn.Module, made: RoomPractice) -> dict[str, Tensor]:
    """Heat, place, class and material of every body; the way of arrows.

    What it says of the way only helps it to see: the pointer decides it.
    """
    output: Tensor = detector(made.image.contiguous(memory_format=torch.channels_last)).float()
    felt = output[:, 0].detach().sigmoid()
    unsaid = _unsaid(made, len(output))
    aims = _aims(made, felt, unsaid)
    scene, row, column = aims.telling
    said = output[scene, :, row, column]
    # where heat is felt and nothing is, the class is nothing; so it is at some cold places
    cold = (aims.heat < 0.03) & ~unsaid & ((felt > 0.1) | (torch.rand(felt.shape) < 0.02))
    nothing = output.permute(0, 2, 3, 1)[cold][:, 3 : 3 + CLASSES]
    about = aims.about
    names = torch.cat([made.labels[about], torch.full((len(nothing),), CLASSES - 1)])
    arrows = made.labels[about] == ARROW
    way, feet, ahead = said[arrows, 4 + CLASSES :], made.feet[about][arrows], made.ahead[about][arrows]
    return {
        "heat": heat_loss(output[:, 0], aims),
        "place": place_loss(said[:, 1:3], aims),
        "name": F.cross_entropy(torch.cat([said[:, 3 : 3 + CLASSES], nothing]), names),
        "material": F.binary_cross_entropy_with_logits(said[:, 3 + CLASSES], made.materials[about].float()),
        "way": 2 * F.smooth_l1_loss(way, _on_floor(feet, ahead), beta=0.05) if len(way) else way.sum(),
    }


def classifier_losses(classifier: nn.Module, made: RoomPractice) -> dict[str, Tensor]:
    """Class and material in crops about bodies, and about places where none has its foot."""
    wrong_scene, wrong = _wrong_places(made)
    scene = torch.cat([made.scene, wrong_scene])
    feet = torch.cat([made.feet.clamp(-_BEYOND, SIDE + _BEYOND), wrong])
    shift = torch.randn(feet.shape).clamp(-2.5, 2.5) * _SHIFT
    scale = torch.exp(_SPREAD * torch.randn(len(scene)))
    said = classifier(body_crops(made.image, scene, feet + shift, scale)).float()
    labels = torch.cat([made.labels, torch.full_like(wrong_scene, CLASSES - 1)])
    bodies = len(made.labels)
    return {
        "crop": F.cross_entropy(said[:, :CLASSES], labels),
        "material": F.binary_cross_entropy_with_logits(said[:bodies, CLASSES], made.materials.float()),
    }


def pointer_losses(pointer: nn.Module, made: RoomPractice) -> dict[str, Tensor]:
    """Directions of arrows in several crops about each."""
    arrows = (made.labels == ARROW).nonzero()[:, 0].repeat(_LOOKS)
    shift = torch.randn(len(arrows), 2).clamp(-2.5, 2.5) * _SHIFT
    scale = torch.exp(_SPREAD * torch.randn(len(arrows)))
    said = pointer(arrow_crops(made.image, made.scene[arrows], made.feet[arrows] + shift, scale)).float()
    return {"ahead": F.smooth_l1_loss(said, made.ahead[arrows], beta=0.05)}


def _on_floor(feet: Tensor, ahead: Tensor) -> Tensor:
    return torch.from_numpy(ways_on_floor(feet.double().numpy(), ahead.double().numpy())).float()


def _wrong_places(made: RoomPractice) -> tuple[Tensor, Tensor]:
    """Scene (K,) and places (K, 2) where no body has its foot: spoilt ones, beside bodies, anywhere."""
    count = len(made.image)
    beside = torch.randint(len(made.scene), (count,))
    angle, away = 2 * math.pi * torch.rand(count), _CLEAR + 12 * torch.rand(count)
    near = made.feet[beside] + torch.stack([angle.cos(), angle.sin()], 1) * away[:, None]
    scene = torch.cat([made.spoilt[0], made.scene[beside], torch.arange(count)])
    places = torch.cat([made.spoilt[1], near, 10 + (SIDE - 20) * torch.rand(count, 2)])
    there = torch.cat([made.scene, made.doubtful[0]])
    taken = torch.cdist(places, torch.cat([made.feet, made.doubtful[1]])) < _CLEAR
    free = ~((scene[:, None] == there) & taken).any(1)
    return scene[free], places[free]


def _unsaid(made: RoomPractice, count: int) -> Tensor:
    """(B, 16, 16) bool: places near a body that is half hidden."""
    scene, feet = made.doubtful
    near = (feet.clamp(_RIM, SIDE - _RIM)[:, :, None, None] - cells()).square().sum(1).sqrt() < _UNSAID
    places = torch.zeros((count, *near.shape[1:]), dtype=torch.bool)
    return places.index_put((scene,), near, accumulate=True)


def _aims(made: RoomPractice, felt: Tensor, unsaid: Tensor) -> Targets:
    """Targets for places within the picture, with the way to feet that may lie beyond it."""
    aims = targets(len(felt), made.scene, made.feet.clamp(_RIM, SIDE - _RIM))
    _, row, column = aims.telling
    offset = (made.feet[aims.about] - cells()[:, row, column].T) / STRIDE
    return replace(aims, heat=torch.where(unsaid & (aims.heat < 0.5), felt, aims.heat), offset=offset)
