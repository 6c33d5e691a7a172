"""A data set with its pictures mirrored and turned."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gnm_core.contracts import Data
from gnm_core.results import Batch, Truth

Ways = Literal["mirror", "all"]


class Turned(Data):
    """Every training picture in 2 or in 8 ways: as it is and mirrored, or also turned by quarters.

    The copies come after the pictures themselves; validation and test have none. Nothing is drawn at random, so that an
    index still means one picture.

    Args:
        data: the data set.
        ways: `mirror` for left and right; `all` for pictures that have no up and down either.
    """

    def __init__(self, *, data: Data, ways: Ways = "mirror") -> None:
        self.data, self.ways, self.split = data, ways, data.split

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The data set's."""
        return self.data.classes

    @property
    def copies(self) -> int:
        """Of each picture in this split, the picture itself included."""
        return 1 if self.split != "train" else 8 if self.ways == "all" else 2

    def __len__(self) -> int:
        """Pictures and copies of this split."""
        return self.copies * len(self.data)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The pictures at `indices`: copy `i // n` of picture `i % n` of n."""
        which = np.asarray(indices, dtype=np.int64)
        batch = self.data.batch(which % len(self.data))
        ways = torch.from_numpy(which // len(self.data))
        image = batch.image.clone()
        for way in ways.unique().tolist():
            image[ways == way] = turn(batch.image[ways == way], way)
        return Batch(image, None if batch.truth is None else _turned(batch.truth, ways, image.shape[-1]))

    def at(self, split: str) -> "Turned":
        """The same at another split."""
        return Turned(data=self.data.at(split), ways=self.ways)

    def notes(self) -> tuple[str, ...]:
        """The data set's."""
        return self.data.notes()


def turn(image: Tensor, way: int) -> Tensor:
    """(..., H, H) → the same, mirrored for odd ways, then turned by `way // 2` quarters from x towards y."""
    mirrored = image.flip(-1) if way % 2 else image
    return mirrored.rot90(way // 2, (-1, -2))


def turn_boxes(boxes: Tensor, way: int, size: int) -> Tensor:
    """(..., 4) = (x0, y0, x1, y1) in a picture of `size` pixels → where they lie after `turn`."""
    x0, y0, x1, y1 = boxes.unbind(-1)
    if way % 2:
        x0, x1 = size - x1, size - x0
    for _ in range(way // 2):
        x0, y0, x1, y1 = size - y1, x0, size - y0, x1
    return torch.stack([x0, y0, x1, y1], -1)


def _turned(truth: Truth, ways: Tensor, size: int) -> Truth:
    boxes, visible, instances = truth.boxes.clone(), truth.visible_boxes, truth.instances
    visible, instances = (None if x is None else x.clone() for x in (visible, instances))
    for way in ways.unique().tolist():
        here = ways == way
        boxes[here] = turn_boxes(truth.boxes[here], way, size)
        if visible is not None and truth.visible_boxes is not None:
            visible[here] = turn_boxes(truth.visible_boxes[here], way, size)
        if instances is not None and truth.instances is not None:
            instances[here] = turn(truth.instances[here], way)
    boxes[~truth.present] = 0
    if visible is not None:
        visible[~truth.present] = 0
    return replace(truth, boxes=boxes, visible_boxes=visible, instances=instances)
