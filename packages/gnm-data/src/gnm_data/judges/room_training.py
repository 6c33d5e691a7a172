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
from gnm_data.judges.room_reader import (
    ARROW,
    CLASSES,
    arrow_crops,
    body_crops,
    directions_on_floor,
    room_classifier,
    room_detector,
    room_pointer,
)
from gnm_data.judges.room_training_data import RoomBatch, RoomTrainingData
from gnm_data.judges.targets import Targets, heat_loss, place_loss, targets

Losses = Callable[[nn.Module, RoomBatch], dict[str, Tensor]]

_SCENES = 32
"""Pictures in a batch."""
_RIM = 3.0
"""A body whose foot lies beyond the picture is looked for this far within its edge, in 128ths of the picture."""
_CLEAR = 11.0
"""Where no body has its foot within this, in 128ths of the picture, a crop shows none."""
_SHIFT, _SPREAD = 1.3, 0.08
"""How far crops are from where they should be, in 128ths of the picture, and how much larger or smaller, as a share."""
_CROPS = 3
"""Crops about each arrow."""
_BEYOND = 10.0
"""Crops about feet beyond the picture are no farther from it than this."""
_IGNORED = 11.0
"""About the foot of a body that is half hidden nothing is taught, this far, in 128ths of the picture."""


def train_rooms(
    data: RoomTrainingData, arrows: RoomTrainingData, steps: int, seed: int, report: Report
) -> dict[str, nn.Module]:
    """→ `detector`, `classifier` and `pointer`, trained one after the other.

    Args:
        data: rooms to learn from.
        arrows: rooms for the pointer, in which most arrows point anywhere.
        steps: batches of 32 pictures; two thirds of them suffice for the pointer.
        seed: of everything random.
        report: called with the losses now and then.
    """
    trained: dict[str, nn.Module] = {}
    for name, make, losses, rooms, count in (
        ("detector", room_detector, detector_losses, data, steps),
        ("classifier", room_classifier, classifier_losses, data, steps),
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


def _step(network: nn.Module, losses: Losses, data: RoomTrainingData, seed: int, step: int) -> dict[str, Tensor]:
    with torch.autocast("cpu", enabled=False):
        batch = data.make(_SCENES, seed * 10_000_019 + step)
    return losses(network, batch)


def detector_losses(detector: nn.Module, batch: RoomBatch) -> dict[str, Tensor]:
    """Heat, place, class and material of every body; the direction of arrows.

    Its direction only helps it to see: the pointer decides it.
    """
    output: Tensor = detector(batch.image.contiguous(memory_format=torch.channels_last)).float()
    heat = output[:, 0].detach().sigmoid()
    ignored = _ignored(batch, len(output))
    target = _targets(batch, heat, ignored)
    scene, row, column = target.positive
    predicted = output[scene, :, row, column]
    # where there is heat and no body, the class is nothing; so it is at some cold places
    cold = (target.heat < 0.03) & ~ignored & ((heat > 0.1) | (torch.rand(heat.shape) < 0.02))
    nothing = output.permute(0, 2, 3, 1)[cold][:, 3 : 3 + CLASSES]
    about = target.about
    names = torch.cat([batch.labels[about], torch.full((len(nothing),), CLASSES - 1)])
    arrows = batch.labels[about] == ARROW
    direction, feet, heading = predicted[arrows, 4 + CLASSES :], batch.feet[about][arrows], batch.heading[about][arrows]
    direction_loss = (
        2 * F.smooth_l1_loss(direction, _on_floor(feet, heading), beta=0.05) if len(direction) else direction.sum()
    )
    return {
        "heat": heat_loss(output[:, 0], target),
        "place": place_loss(predicted[:, 1:3], target),
        "name": F.cross_entropy(torch.cat([predicted[:, 3 : 3 + CLASSES], nothing]), names),
        "material": F.binary_cross_entropy_with_logits(predicted[:, 3 + CLASSES], batch.materials[about].float()),
        "direction": direction_loss,
    }


def classifier_losses(classifier: nn.Module, batch: RoomBatch) -> dict[str, Tensor]:
    """Class and material in crops about bodies, and about places where none has its foot."""
    negative_scene, negative = _negatives(batch)
    scene = torch.cat([batch.scene, negative_scene])
    feet = torch.cat([batch.feet.clamp(-_BEYOND, SIDE + _BEYOND), negative])
    shift = torch.randn(feet.shape).clamp(-2.5, 2.5) * _SHIFT
    scale = torch.exp(_SPREAD * torch.randn(len(scene)))
    predicted = classifier(body_crops(batch.image, scene, feet + shift, scale)).float()
    labels = torch.cat([batch.labels, torch.full_like(negative_scene, CLASSES - 1)])
    bodies = len(batch.labels)
    return {
        "crop": F.cross_entropy(predicted[:, :CLASSES], labels),
        "material": F.binary_cross_entropy_with_logits(predicted[:bodies, CLASSES], batch.materials.float()),
    }


def pointer_losses(pointer: nn.Module, batch: RoomBatch) -> dict[str, Tensor]:
    """Directions of arrows in several crops about each."""
    arrows = (batch.labels == ARROW).nonzero()[:, 0].repeat(_CROPS)
    shift = torch.randn(len(arrows), 2).clamp(-2.5, 2.5) * _SHIFT
    scale = torch.exp(_SPREAD * torch.randn(len(arrows)))
    predicted = pointer(arrow_crops(batch.image, batch.scene[arrows], batch.feet[arrows] + shift, scale)).float()
    return {"heading": F.smooth_l1_loss(predicted, batch.heading[arrows], beta=0.05)}


def _on_floor(feet: Tensor, heading: Tensor) -> Tensor:
    return torch.from_numpy(directions_on_floor(feet.double().numpy(), heading.double().numpy())).float()


def _negatives(batch: RoomBatch) -> tuple[Tensor, Tensor]:
    """Scene (K,) and places (K, 2) where no body has its foot: spoilt ones, beside bodies, anywhere."""
    count = len(batch.image)
    beside = torch.randint(len(batch.scene), (count,))
    angle, away = 2 * math.pi * torch.rand(count), _CLEAR + 12 * torch.rand(count)
    near = batch.feet[beside] + torch.stack([angle.cos(), angle.sin()], 1) * away[:, None]
    scene = torch.cat([batch.unrecognisable[0], batch.scene[beside], torch.arange(count)])
    places = torch.cat([batch.unrecognisable[1], near, 10 + (SIDE - 20) * torch.rand(count, 2)])
    bodies = torch.cat([batch.scene, batch.ambiguous[0]])
    taken = torch.cdist(places, torch.cat([batch.feet, batch.ambiguous[1]])) < _CLEAR
    free = ~((scene[:, None] == bodies) & taken).any(1)
    return scene[free], places[free]


def _ignored(batch: RoomBatch, count: int) -> Tensor:
    """(B, 16, 16) bool: places near a body that is half hidden."""
    scene, feet = batch.ambiguous
    near = (feet.clamp(_RIM, SIDE - _RIM)[:, :, None, None] - cells()).square().sum(1).sqrt() < _IGNORED
    places = torch.zeros((count, *near.shape[1:]), dtype=torch.bool)
    return places.index_put((scene,), near, accumulate=True)


def _targets(batch: RoomBatch, heat: Tensor, ignored: Tensor) -> Targets:
    """Targets for places within the picture, with the direction to feet that may lie beyond it."""
    target = targets(len(heat), batch.scene, batch.feet.clamp(_RIM, SIDE - _RIM))
    _, row, column = target.positive
    offset = (batch.feet[target.about] - cells()[:, row, column].T) / STRIDE
    return replace(target, heat=torch.where(ignored & (target.heat < 0.5), heat, target.heat), offset=offset)
