"""Finds the objects and the arrow of an Arrow Room: shape, material, place on the floor, and where the arrow points."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.arrow_room.room import CAMERA, SHAPES
from gnm_data.judges.canvas import SIDE, to_canvas
from gnm_data.judges.networks import Detector
from gnm_data.judges.proposals import propose
from gnm_data.judges.reading import FLOOR, Candidates
from gnm_data.judges.weights import FOLDER, load

ARROW = SHAPES.index("arrow")
CLASSES = len(SHAPES) + 1
"""The shapes, then nothing."""
_BATCH = 128
"""Pictures that are looked at together."""
_WARMTH = 0.15
"""Least heat of a candidate."""
_APART = 7.0
"""Two candidates nearer than this, in 128ths of the picture, are one."""


def room_networks() -> nn.ModuleDict:
    """`detector`, untrained: heat, place of the foot, classes, logit of metal, way of the arrow."""
    return nn.ModuleDict({"detector": Detector(3, 3 + CLASSES + 1 + 2, (16, 32, 64))})


@dataclass(frozen=True)
class RoomCandidates(Candidates):
    """Candidates of one picture; their places are those of their feet."""

    materials: np.ndarray
    """(N, 2) float64: log-probability of rubber and of metal."""
    floor: np.ndarray
    """(N, 2) float64 = (x, y): place on the floor, in the room's units."""
    ways: np.ndarray
    """(N, 2) float64: along the floor, to the right and away; the direction of an arrow, else nothing."""


class RoomReader:
    """One detector tells all.

    Args:
        weights: file of trained weights; by default those of the package.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._networks = room_networks()
        load(self._networks, weights or FOLDER / "arrow-room.safetensors")

    @torch.inference_mode()
    def read(self, images: Tensor) -> Iterator[RoomCandidates]:
        """(B, 3, H, W) → the candidates of each picture."""
        for start in range(0, len(images), _BATCH):
            image = to_canvas(images[start : start + _BATCH], 3)
            found = propose(self._networks["detector"](image), _WARMTH, lambda rest: torch.full((len(rest),), _APART))
            rest = found.rest.double()
            scores = rest[:, :CLASSES].log_softmax(1).clamp(min=FLOOR).numpy()
            metal = rest[:, CLASSES]
            materials = F.logsigmoid(torch.stack([-metal, metal], 1)).clamp(min=FLOOR).numpy()
            places, ways = found.centres.double().numpy(), rest[:, CLASSES + 1 :].numpy()
            floor = on_floor(places)
            for some in found.by_picture(len(image)):
                yield RoomCandidates(places[some], scores[some], materials[some], floor[some], ways[some])


def on_floor(places: np.ndarray) -> np.ndarray:
    """(N, 2) places in 128ths of the picture → (N, 2) = (x, y) on the floor; far away for places above the horizon."""
    direction = CAMERA.rays(places[:, 0], places[:, 1], SIDE).astype(np.float64)
    height = CAMERA.position[2]
    distance = height / np.maximum(-direction[2], 1e-2)
    return np.stack([CAMERA.position[i] + distance * direction[i] for i in (0, 1)], 1)
