"""The data set: from an index to a scene that obeys, from a scene to a picture and the truth about it."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge
from gnm_core import Batch, Data, Dims, OptionError, Truth

from gnm_shapes.world import COLOURS, KINDS, Shape

SPLITS = ("train", "validation", "test")
CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))
"""(column, row) of each quarter, clockwise from the top left."""


class Shapes(Data):
    """Four coloured shapes on black, one in each quarter, which obey the rule in `world.py`.

    Args:
        dims: `channels` (3), `size`.
        length: images in each split.
        split: which.

    Raises:
        OptionError: there is no colour, or a quarter has no room for a shape.
    """

    channels: ClassVar[int | None] = 3
    classes: ClassVar[tuple[str, ...]] = tuple(f"{colour} {kind}" for kind in KINDS for colour in COLOURS)

    def __init__(
        self,
        dims: Dims,
        *,
        length: Annotated[int, Ge(1)] = 10_000,
        split: Literal["train", "validation", "test"] = "train",
    ) -> None:
        if dims.size < 32:
            raise OptionError("dims.size", f"{dims.size} pixels have no room for four shapes; at least 32 do")
        self.size, self.length, self.split = dims.size, length, split

    def __len__(self) -> int:
        """Images in this split."""
        return self.length

    def at(self, split: str) -> "Shapes":
        """The same at another split."""
        return Shapes(Dims(channels=3, size=self.size), length=self.length, split=split)  # type: ignore[arg-type]

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The pictures at `indices`, each a function of the split and its index."""
        pictures, boxes, labels = [], [], []
        for index in indices:
            random = np.random.default_rng((SPLITS.index(self.split), int(index)))
            picture = np.zeros((3, self.size, self.size), np.float32)
            shapes = a_scene(random)
            boxes.append([self._paint(picture, i, shape, random) for i, shape in enumerate(shapes)])
            labels.append([self.classes.index(f"{colour} {kind}") for kind, colour in shapes])
            pictures.append(picture)
        present = torch.ones(len(pictures), 4, dtype=torch.bool)
        truth = Truth(present, torch.tensor(labels), torch.tensor(boxes, dtype=torch.float32))
        return Batch(torch.from_numpy(np.stack(pictures)), truth)

    def _paint(self, picture: np.ndarray, quarter: int, shape: Shape, random: np.random.Generator) -> list[float]:
        """Paint a shape somewhere in its quarter; returns its box (x0, y0, x1, y1)."""
        room = self.size // 2
        side = int(random.integers(room // 2, room * 3 // 4 + 1))
        x0, y0 = (room * corner + int(random.integers(1, room - side)) for corner in CORNERS[quarter])
        kind, colour = shape
        inked = picture[:, y0 : y0 + side, x0 : x0 + side]
        inked += ink(kind, side) * np.array(COLOURS[colour], np.float32)[:, None, None]
        return [x0, y0, x0 + side, y0 + side]


def a_scene(random: np.random.Generator) -> list[Shape]:
    """Four shapes that obey, clockwise from the top left."""
    names, first = list(COLOURS), int(random.integers(len(COLOURS)))
    pair = random.choice(len(KINDS), 2, replace=False)
    return [(KINDS[pair[i % 2]], names[(first + i) % len(names)]) for i in range(4)]


def ink(kind: str, side: int) -> np.ndarray:
    """(side, side) of 0 and 1: where a shape that fills its box has colour."""
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    x, y = places[None, :], places[:, None]
    match kind:
        case "circle":
            inside = (x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25
        case "square":
            inside = np.ones((side, side), bool)
        case _:  # a triangle, pointing up
            inside = np.abs(x - 0.5) <= y / 2
    return inside.astype(np.float32)
