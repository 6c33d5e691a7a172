"""Trains the Arrow Room network on rooms of its own."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.judges.learning import Report, learn
from gnm_data.judges.room_practice import RoomBank, RoomPractice
from gnm_data.judges.room_reader import ARROW, CLASSES, room_networks
from gnm_data.judges.targets import heat_loss, place_loss, targets

_SCENES = 32
"""Pictures in a batch."""


def train_rooms(bank: RoomBank, steps: int, seed: int, report: Report) -> dict[str, nn.Module]:
    """→ `detector`.

    Args:
        bank: rooms to learn from.
        steps: batches of 32 pictures.
        seed: of everything random.
        report: told the losses now and then.
    """
    torch.manual_seed(seed)
    networks = room_networks()
    return learn(
        networks,
        lambda step: _losses(networks["detector"], bank.make(_SCENES, seed * 10_000_019 + step)),
        steps,
        rate=3e-3,
        report=report,
    )


def _losses(detector: nn.Module, made: RoomPractice) -> dict[str, Tensor]:
    """Heat, place, class and material of every body; the way of arrows."""
    output: Tensor = detector(made.image.contiguous(memory_format=torch.channels_last)).float()
    aims = targets(len(output), made.scene, made.feet)
    scene, row, column = aims.telling
    said = output[scene, :, row, column]
    # where heat is felt and nothing is, the class is nothing; so it is at some cold places
    cold = (aims.heat < 0.03) & ((output[:, 0].detach().sigmoid() > 0.1) | (torch.rand(aims.heat.shape) < 0.02))
    nothing = output.permute(0, 2, 3, 1)[cold][:, 3 : 3 + CLASSES]
    about = aims.about
    names = torch.cat([made.labels[about], torch.full((len(nothing),), CLASSES - 1)])
    arrows = made.labels[about] == ARROW
    way = said[arrows, 4 + CLASSES :]
    return {
        "heat": heat_loss(output[:, 0], aims),
        "place": place_loss(said[:, 1:3], aims),
        "name": F.cross_entropy(torch.cat([said[:, 3 : 3 + CLASSES], nothing]), names),
        "material": F.binary_cross_entropy_with_logits(said[:, 3 + CLASSES], made.materials[about].float()),
        "way": 2 * F.smooth_l1_loss(way, made.ways[about][arrows], beta=0.05) if len(way) else way.sum(),
    }
