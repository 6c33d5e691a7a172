"""Pictures that the Arrow Room network learns from: painted rooms, seen in many ways."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gnm_data.judges.canvas import SIDE
from gnm_data.judges.room_augmentation import augmented
from gnm_data.judges.room_painting import PaintedRoom
from gnm_data.judges.room_views import smooth, views

_VISIBLE, _INVISIBLE = 0.4, 0.12
"""A body of which at least the first share can be seen is taught, one below the second is not there; between them
nothing is taught."""
_SMUDGED = 0.03
"""Share of bodies that are smudged past recognition, and so are nothing."""


@dataclass(frozen=True)
class RoomBatch:
    """B pictures and the M bodies in them that can be seen."""

    image: Tensor
    """(B, 3, 128, 128) in [0, 1]."""
    scene: Tensor
    """(M,) int64: the picture that each body is in."""
    labels: Tensor
    """(M,) int64: place in `SHAPES`."""
    materials: Tensor
    """(M,) int64: place in `MATERIALS`."""
    feet: Tensor
    """(M, 2) = (x, y): where the middle of the body's foot is in the picture, in 128ths of it; may lie beyond it."""
    heading: Tensor
    """(M, 2) = (x, y): unit vector in the picture along which an arrow points."""
    ambiguous: tuple[Tensor, Tensor]
    """Scene (D,) and foot (D, 2) of each body that is half hidden: whether it is there is not taught."""
    unrecognisable: tuple[Tensor, Tensor]
    """Scene (S,) and foot (S, 2) of each body that is smudged past recognition: no body."""

    def mirrored(self) -> "RoomBatch":
        """The same pictures, left and right exchanged."""

        def over(places: Tensor) -> Tensor:
            return torch.stack([SIDE - places[:, 0], places[:, 1]], 1)

        return replace(
            self,
            image=self.image.flip(-1),
            feet=over(self.feet),
            heading=self.heading * torch.tensor([-1.0, 1.0]),
            ambiguous=(self.ambiguous[0], over(self.ambiguous[1])),
            unrecognisable=(self.unrecognisable[0], over(self.unrecognisable[1])),
        )

    def first(self, count: int) -> "RoomBatch":
        """Only the first pictures."""
        near = self.scene < count

        def among(places: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            return places[0][places[0] < count], places[1][places[0] < count]

        return RoomBatch(
            self.image[:count],
            self.scene[near],
            self.labels[near],
            self.materials[near],
            self.feet[near],
            self.heading[near],
            among(self.ambiguous),
            among(self.unrecognisable),
        )


class RoomTrainingData:
    """Painted rooms, out of which training data is drawn: seen from elsewhere, recoloured, softened, noisy.

    Args:
        rooms: at least as many as a batch of training data takes.
    """

    def __init__(self, rooms: Sequence[PaintedRoom]) -> None:
        self._rooms = rooms

    def make(self, count: int, seed: int) -> RoomBatch:
        """`count` pictures, the same for the same seed."""
        random = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(seed)
        rooms = [self._rooms[i] for i in random.choice(len(self._rooms), count, replace=False)]
        scene = torch.from_numpy(np.repeat(np.arange(count), [len(room.labels) for room in rooms]))
        number = np.concatenate([np.arange(len(room.labels)) for room in rooms])
        labels, materials, areas, feet, heading = (
            torch.from_numpy(np.concatenate([getattr(room, name) for room in rooms]))
            for name in ("labels", "materials", "areas", "feet", "heading")
        )
        view = views(count, random, generator)
        instances = torch.from_numpy(np.stack([room.instances for room in rooms]))[:, None].float()
        bodies = view.render(instances, mode="nearest")[:, 0].numpy().astype(np.int64)
        shown = np.stack([np.bincount(picture.ravel(), minlength=16) for picture in bodies])
        share = torch.from_numpy(shown[scene.numpy(), number + 1]) * view.area_scale[scene] / areas.clamp(min=1)

        smudged = torch.from_numpy(random.random(len(number)) < _SMUDGED)
        image = torch.from_numpy(np.stack([room.image for room in rooms])).permute(0, 3, 1, 2).float() / 255
        image = smudge(view.render(image), bodies, scene[smudged].numpy(), number[smudged.numpy()], generator)

        boxes = [_boxes(picture) for picture in bodies]
        visible = (share >= _VISIBLE) & ~smudged
        ambiguous = (share < _VISIBLE) & (share >= _INVISIBLE) & ~smudged
        feet = view.project_points(feet.float(), scene)
        return RoomBatch(
            augmented(image, boxes, random, generator),
            scene[visible],
            labels[visible],
            materials[visible],
            feet[visible],
            F.normalize(view.project_directions(heading.float(), scene)[visible], dim=1),
            (scene[ambiguous], feet[ambiguous]),
            (scene[smudged], feet[smudged]),
        )


def smudge(
    image: Tensor, bodies: np.ndarray, scene: np.ndarray, number: np.ndarray, generator: torch.Generator
) -> Tensor:
    """Scramble some bodies, each given by its picture and its number there, past recognition."""
    for picture in np.unique(scene):
        spot = torch.from_numpy(np.isin(bodies[picture], number[scene == picture] + 1))
        spot = F.max_pool2d(spot[None, None].float(), 5, 1, 2)[0] > 0
        image[picture] = torch.where(spot, _scrambled(image[picture : picture + 1], generator)[0], image[picture])
    return image


def _scrambled(image: Tensor, generator: torch.Generator) -> Tensor:
    """Every pixel from somewhere near: colours stay, shapes do not."""
    count = len(image)
    line = torch.arange(SIDE, dtype=torch.float32) + 0.5
    at = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    strength = 5 + 7 * torch.rand((count, 1, 1, 1), generator=generator)
    at = at + strength * smooth(count, 2, 26, generator).permute(0, 2, 3, 1)
    scrambled: Tensor = F.grid_sample(image, at * (2 / SIDE) - 1, padding_mode="border", align_corners=False)
    return scrambled


def _boxes(bodies: np.ndarray) -> np.ndarray:
    """(H, W) numbers of bodies, 0 for none → (M, 4) boxes around them."""
    found = []
    for number in np.unique(bodies[bodies > 0]):
        rows, columns = np.nonzero(bodies == number)
        found.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return np.array(found, np.float64).reshape(-1, 4)
