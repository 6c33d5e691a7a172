"""Trains the Arrow Room network on rooms of its own."""

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.judges.canvas import SIDE
from gnm_data.judges.learning import Report, learn, plateau
from gnm_data.judges.proposals import STRIDE, Proposals, cells
from gnm_data.judges.room_reader import (
    ARROW,
    CLASSES,
    arrow_crops,
    body_crops,
    directions_on_floor,
    find,
    room_networks,
)
from gnm_data.judges.room_training_data import RoomBatch, RoomTrainingData
from gnm_data.judges.targets import Targets, heat_loss, place_loss, targets

_SCENES, _SEARCHED = 32, 12
"""Pictures in a batch, and how many of them the detector looks at: finding is learned sooner than naming."""
_RIM = 3.0
"""A body whose foot lies beyond the picture is looked for this far within its edge, in 128ths of the picture."""
_CLEAR = 10.0
"""Where no body has its foot within this, in 128ths of the picture, a crop shows none."""
_SHIFT, _SPREAD = 1.3, 0.08
"""How far crops are from where they should be, in 128ths of the picture, and how much larger or smaller, as a share."""
_BEYOND = 10.0
"""Crops about feet beyond the picture are no farther from it than this."""
_IGNORED = 11.0
"""About the foot of a body that is half hidden nothing is taught, this far, in 128ths of the picture."""


def train_rooms(
    data: RoomTrainingData, steps: int, seed: int, report: Report, checkpoint: Path | None = None
) -> dict[str, nn.Module]:
    """→ `detector`, `classifier` and `pointer`, trained together: drawing pictures costs as much as learning from them.

    Args:
        data: rooms to learn from.
        steps: batches of 32 pictures, each picture twice: as it is and mirrored.
        seed: of everything random.
        report: called with the losses now and then.
        checkpoint: see `learn`.
    """
    torch.manual_seed(seed)
    networks = room_networks()

    @lru_cache(maxsize=1)
    def batch_of(number: int) -> RoomBatch:
        return data.make(_SCENES, seed * 10_000_019 + number)

    def losses(step: int) -> dict[str, Tensor]:
        with torch.autocast("cpu", enabled=False):
            batch = batch_of(step // 2)
        batch = batch.mirrored() if step % 2 else batch
        output: Tensor = networks["detector"](batch.image[:_SEARCHED].contiguous(memory_format=torch.channels_last))
        output = output.float()
        with torch.autocast("cpu", enabled=False):
            found = find(output.detach())
        return {
            **detector_losses(output, batch.first(_SEARCHED)),
            **classifier_losses(networks["classifier"], batch, found),
            **pointer_losses(networks["pointer"], batch),
        }

    return learn(networks, losses, steps, rate=3e-3, report=report, schedule=plateau, checkpoint=checkpoint)


def detector_losses(output: Tensor, batch: RoomBatch) -> dict[str, Tensor]:
    """Heat, place, class and material of every body and the direction of arrows, of the map (B, D, 16, 16).

    The detector's direction only helps it to see: the pointer decides it.
    """
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


def classifier_losses(classifier: nn.Module, batch: RoomBatch, found: Proposals) -> dict[str, Tensor]:
    """Class and material in crops about bodies; nothing in crops about places without a foot.

    Args:
        classifier: what learns.
        batch: pictures.
        found: where the detector believes to see bodies.
    """
    negative_scene, negative = _negatives(batch, found)
    scene = torch.cat([batch.scene, negative_scene])
    about = torch.cat([batch.feet.clamp(-_BEYOND, SIDE + _BEYOND), negative])
    predicted = classifier(body_crops(batch.image, scene, *_jittered(about))).float()
    labels = torch.cat([batch.labels, torch.full_like(negative_scene, CLASSES - 1)])
    metal = predicted[: len(batch.labels), CLASSES]
    return {
        "crop": F.cross_entropy(predicted[:, :CLASSES], labels),
        "crop's material": F.binary_cross_entropy_with_logits(metal, batch.materials.float()),
    }


def pointer_losses(pointer: nn.Module, batch: RoomBatch) -> dict[str, Tensor]:
    """Directions of arrows in two crops about each."""
    arrows = (batch.labels == ARROW).nonzero()[:, 0].repeat(2)
    crops = arrow_crops(batch.image, batch.scene[arrows], *_jittered(batch.feet[arrows]))
    return {"heading": F.smooth_l1_loss(pointer(crops).float(), batch.heading[arrows], beta=0.05)}


def _jittered(places: Tensor) -> tuple[Tensor, Tensor]:
    """Places (K, 2) about the given ones, and how much wider than usual crops about them are (K,)."""
    shift = torch.randn(places.shape).clamp(-2.5, 2.5) * _SHIFT
    return places + shift, torch.exp(_SPREAD * torch.randn(len(places)))


def _on_floor(feet: Tensor, heading: Tensor) -> Tensor:
    return torch.from_numpy(directions_on_floor(feet.double().numpy(), heading.double().numpy())).float()


def _negatives(batch: RoomBatch, found: Proposals) -> tuple[Tensor, Tensor]:
    """Scene (K,) and places (K, 2) without a foot: unrecognisable bodies, found places, beside bodies, anywhere."""
    count = len(batch.image)
    beside = torch.randint(len(batch.scene), (count // 2,))
    angle, away = 2 * math.pi * torch.rand(len(beside)), _CLEAR + 12 * torch.rand(len(beside))
    near = batch.feet[beside] + torch.stack([angle.cos(), angle.sin()], 1) * away[:, None]
    hottest = found.heat.argsort(descending=True)[: 2 * count]
    scene = torch.cat([batch.unrecognisable[0], found.scene[hottest], batch.scene[beside], torch.arange(count // 2)])
    places = torch.cat(
        [batch.unrecognisable[1], found.centres[hottest], near, 10 + (SIDE - 20) * torch.rand(count // 2, 2)]
    )
    bodies = torch.cat([batch.scene, batch.ambiguous[0]])
    taken = torch.cdist(places, torch.cat([batch.feet, batch.ambiguous[1]])) < _CLEAR
    free = (~((scene[:, None] == bodies) & taken).any(1)).nonzero()[:, 0][:count]
    return scene[free], places[free]


def _ignored(batch: RoomBatch, count: int) -> Tensor:
    """(B, 16, 16) bool: places near a body that is half hidden."""
    scene, feet = batch.ambiguous
    near = (feet.clamp(_RIM, SIDE - _RIM)[:, :, None, None] - cells()).square().sum(1).sqrt() < _IGNORED
    places = torch.zeros((count, *near.shape[1:]), dtype=torch.bool)
    return places.index_put((scene,), near, accumulate=True)


def _targets(batch: RoomBatch, heat: Tensor, ignored: Tensor) -> Targets:
    """Targets for places within the picture, with the way to feet that may lie beyond it."""
    target = targets(len(heat), batch.scene, batch.feet.clamp(_RIM, SIDE - _RIM))
    _, row, column = target.positive
    offset = (batch.feet[target.about] - cells()[:, row, column].T) / STRIDE
    return replace(target, heat=torch.where(ignored & (target.heat < 0.5), heat, target.heat), offset=offset)
