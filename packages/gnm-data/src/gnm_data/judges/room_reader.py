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
from gnm_data.judges.crops import MARGIN, cut
from gnm_data.judges.networks import Classifier, Detector
from gnm_data.judges.proposals import Proposals, propose
from gnm_data.judges.reading import FLOOR, Candidates
from gnm_data.judges.weights import FOLDER, load

ARROW = SHAPES.index("arrow")
CLASSES = len(SHAPES) + 1
"""The shapes, then nothing."""
_BATCH = 64
"""Pictures that are looked at together."""
_BODY, _ARROW = 38.0, 46.0
"""Side of the crops about bodies and about arrows, in 128ths of the picture."""
_LIFT = 8.0
"""The middle of a crop about a body is this far above its foot."""
_NAMES, _MATERIALS = 0.1, 0.4
"""Weight of the detector, which sees more of the picture, beside the classifier, which looks more closely."""
_MIN_HEAT = 0.15
"""Least heat of a candidate."""
_MIN_DISTANCE, _ALIKE = 7.0, 11.0
"""Two candidates nearer than this, in 128ths of the picture, are one; so are two of one class nearer than the other."""
_CROPS = ((0.0, 0.0, 1.0), (1.2, 0.8, 1.06), (-1.2, -0.8, 0.94))
"""How far aside and below and how much wider than usual the crops are; each is looked at in the mirror, too."""


def room_detector() -> Detector:
    """Untrained: heat, place of the foot, classes, logit of metal, direction of the arrow."""
    return Detector(3, 3 + CLASSES + 1 + 2, (24, 48, 64))


def room_classifier() -> Classifier:
    """Untrained: classes, logit of metal."""
    return Classifier(3, CLASSES + 1)


def room_pointer() -> Classifier:
    """Untrained: x and y of the direction in which an arrow points in the picture."""
    return Classifier(3, 2, (16, 24, 48, 48, 64))


def room_networks() -> nn.ModuleDict:
    """`detector`, `classifier` and `pointer`, untrained."""
    return nn.ModuleDict({"detector": room_detector(), "classifier": room_classifier(), "pointer": room_pointer()})


def body_crops(canvas: Tensor, scene: Tensor, feet: Tensor, scale: Tensor) -> Tensor:
    """Crops (M, 3, 28, 28) for the classifier.

    Args:
        canvas: pictures (B, 3, 128, 128).
        scene: (M,) int64, the picture of each body.
        feet: (M, 2) = (x, y) of each body's foot.
        scale: (M,) about 1: how much wider than usual the crops are.
    """
    crops = cut(canvas, scene, feet - torch.tensor([0.0, _LIFT]), scale * (_BODY / MARGIN))
    return crops.contiguous(memory_format=torch.channels_last)


def arrow_crops(canvas: Tensor, scene: Tensor, feet: Tensor, scale: Tensor) -> Tensor:
    """The same for the pointer: wider, and about the foot, as an arrow lies on the floor."""
    return cut(canvas, scene, feet, scale * (_ARROW / MARGIN)).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class RoomCandidates(Candidates):
    """Candidates of one picture; their places are those of their feet."""

    materials: np.ndarray
    """(N, 2) float64: log-probability of rubber and of metal."""
    floor: np.ndarray
    """(N, 2) float64 = (x, y): place on the floor, in the room's units."""
    headings: np.ndarray
    """(N, V, 2) float64: along the floor, to the right and away; the direction of an arrow in each of V crops, else
    nothing."""


class RoomReader:
    """A detector proposes places; a classifier looks at each closely; a pointer predicts where arrows point.

    Both look at six crops. What the classifier says of them is averaged; the pointer's direction in each is kept: how
    far they differ tells how much it knows.

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
            found = find(self._networks["detector"](image))
            predicted, directions = self._closely(image, found)
            rest = found.rest.double()
            names = predicted[..., :CLASSES].log_softmax(-1).mean(0)
            names = torch.lerp(names, rest[:, :CLASSES].log_softmax(1), _NAMES)
            scores = names.log_softmax(1).clamp(min=FLOOR).numpy()
            metal = torch.lerp(predicted[..., CLASSES].mean(0), rest[:, CLASSES], _MATERIALS)
            materials = F.logsigmoid(torch.stack([-metal, metal], 1)).clamp(min=FLOOR).numpy()
            places = found.centres.double().numpy()
            headings = np.stack([directions_on_floor(places, one) for one in directions.numpy()], 1)
            floor = on_floor(places)
            for some in found.by_picture(len(image)):
                one = some.start + _distinct(places[some], scores[some], found.heat[some].numpy())
                yield RoomCandidates(places[one], scores[one], materials[one], floor[one], headings[one])

    def _closely(self, image: Tensor, found: Proposals) -> tuple[Tensor, Tensor]:
        """What classifier (6, M, CLASSES + 1) and pointer (6, M, 2) predict from crops about each of M places."""
        classifier, pointer = self._networks["classifier"], self._networks["pointer"]
        size = torch.ones(len(found.scene))
        predicted, directions = [], []
        for x, y, wider in _CROPS:
            feet = found.centres + torch.tensor([x, y])
            bodies = body_crops(image, found.scene, feet, wider * size)
            predicted += [classifier(bodies), classifier(bodies.flip(-1))]
            crops = arrow_crops(image, found.scene, feet, wider * size)
            directions += [pointer(crops), pointer(crops.flip(-1)) * torch.tensor([-1.0, 1.0])]
        return torch.stack(predicted).double(), torch.stack(directions).double()


def find(output: Tensor) -> Proposals:
    """Places in the detector's map (B, D, 16, 16) that may be feet."""
    return propose(output, _MIN_HEAT, lambda rest: torch.full((len(rest),), _MIN_DISTANCE))


def _distinct(places: np.ndarray, scores: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Which candidates have no hotter one of their class beside them."""
    label, rank = scores.argmax(1), np.argsort(np.argsort(-heat, kind="stable"))
    near = np.linalg.norm(places[:, None] - places, axis=-1) < _ALIKE
    return np.flatnonzero(~(near & (label[:, None] == label) & (rank < rank[:, None])).any(1))


def on_floor(places: np.ndarray) -> np.ndarray:
    """Places in the picture → places on the floor, as if the data set's usual camera had seen it.

    A straight line on the floor is straight in any picture of it: whatever the camera was, an arrow's line runs through
    the foot of its target here too.

    Args:
        places: (N, 2) in 128ths of the picture.

    Returns:
        (N, 2) = (x, y); far away for places above the horizon.
    """
    direction = CAMERA.rays(places[:, 0], places[:, 1], SIDE).astype(np.float64)
    height = CAMERA.position[2]
    distance = height / np.maximum(-direction[2], 1e-2)
    return np.stack([CAMERA.position[i] + distance * direction[i] for i in (0, 1)], 1)


def directions_on_floor(places: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Directions (N, 2) in the picture at places (N, 2) → unit vectors (N, 2) on the floor, to the right and away."""
    step = 0.05 * directions / np.linalg.norm(directions, axis=1, keepdims=True).clip(1e-9)
    direction = on_floor(places + step) - on_floor(places - step)
    return np.asarray(direction / np.linalg.norm(direction, axis=1, keepdims=True).clip(1e-9))
