"""What annotations say of the pictures in a folder, brought into the model's squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from gnm_core.errors import DataError
from gnm_core.parts.data.annotations.masks import RunLengths
from gnm_core.parts.data.annotations.notes import Noted
from gnm_core.parts.data.picture import Frame
from gnm_core.results import Truth

MOST_INSTANCES = 255
"""Of a picture, where masks are given: they are numbered in a byte."""


@dataclass(frozen=True)
class Seen:
    """Where a model's square lies in a picture."""

    width: int
    """Of the picture, in pixels."""
    height: int
    frame: Frame


@dataclass(frozen=True)
class Annotations:
    """What all sources together know."""

    classes: tuple[str, ...]
    """Names, by label."""
    pictures: dict[Path, tuple[Noted, ...]]
    """The objects of each picture that is named."""
    empty: frozenset[Path] = frozenset()
    """Pictures that are not named, and have no objects for that reason."""

    @cached_property
    def most(self) -> int:
        """Objects in a picture, at most."""
        return max(1, *(len(objects) for objects in self.pictures.values()), 1)

    @cached_property
    def masks(self) -> bool:
        """Every object has a mask."""
        objects = [noted for objects in self.pictures.values() for noted in objects]
        return bool(objects) and self.most <= MOST_INSTANCES and all(noted.mask is not None for noted in objects)

    def truth(self, paths: Sequence[Path], seen: Sequence[Seen], size: int) -> Truth:
        """What is known of some pictures, in pixels of the model's squares; an object that none of is seen is left out.

        Args:
            paths: the pictures.
            seen: what the model's square shows of each.
            size: side of the squares, in pixels.

        Raises:
            DataError: nobody knows one of them, or a box lies outside its picture.
        """
        count = len(paths)
        present = torch.zeros(count, self.most, dtype=torch.bool)
        labels = torch.full((count, self.most), -1, dtype=torch.int64)
        boxes = torch.zeros(count, self.most, 4)
        instances = torch.zeros(count, size, size, dtype=torch.uint8) if self.masks else None
        for i, (path, where) in enumerate(zip(paths, seen, strict=True)):
            place = 0
            for noted in self._of(path):
                box = _in_square(_inside(noted, where), where.frame, size)
                if not ((box[:2] < size).all() and (box[2:] > 0).all()):
                    continue
                present[i, place], labels[i, place] = True, self.classes.index(noted.label)
                boxes[i, place] = torch.from_numpy(box)
                if instances is not None:
                    instances[i][torch.from_numpy(_shown(noted, where, size))] = place + 1
                place += 1
        return Truth(present, labels, boxes, instances=instances)

    def outside(self, path: Path, width: int, height: int) -> list[str]:
        """What is wrong with the boxes of a picture of this size."""
        found = []
        for noted in self.pictures.get(path, ()):
            try:
                _inside(noted, Seen(width, height, Frame(0, 0, width, height)))
            except DataError as error:
                found.append(str(error))
        return found

    def _of(self, path: Path) -> tuple[Noted, ...]:
        if path not in self.pictures and path not in self.empty:
            raise DataError(f"{path}: no annotation file knows this picture")
        return self.pictures.get(path, ())


def _inside(noted: Noted, where: Seen) -> np.ndarray:
    """(4,) float32: its box in the picture's pixels.

    Raises:
        DataError: it shares no pixel with the picture, or it is that of a picture of another size.
    """
    sides = np.array([where.width, where.height] * 2)
    box = np.array(noted.box) * (sides if noted.shares else 1)
    size = f"{where.width} x {where.height}"
    # A camera's orientation may be applied in the one and not in the other.
    if noted.stated is not None and sorted(noted.stated) != sorted((where.width, where.height)):
        stated = " x ".join(map(str, noted.stated))
        raise DataError(f"{noted.place}: noted in a picture of {stated} pixels; the picture {noted.picture} has {size}")
    if not ((box[:2] < sides[:2]).all() and (box[2:] > 0).all()):
        values = ", ".join(f"{value:g}" for value in box)
        raise DataError(f"{noted.place}: the box ({values}) lies outside the picture {noted.picture} of {size} pixels")
    if isinstance(noted.mask, RunLengths) and (noted.mask.width, noted.mask.height) != (where.width, where.height):
        mask = f"{noted.mask.width} x {noted.mask.height}"
        raise DataError(f"{noted.place}: a mask of {mask} pixels; the picture {noted.picture} has {size}")
    return box.astype(np.float32)


def _in_square(box: np.ndarray, frame: Frame, size: int) -> np.ndarray:
    corner = np.array([frame.left, frame.top] * 2, np.float32)
    return (box - corner) * np.float32(size) / np.array([frame.width, frame.height] * 2, np.float32)


def _shown(noted: Noted, where: Seen, size: int) -> np.ndarray:
    """(size, size) bool: which of the square's pixels have their middle in the mask."""
    assert noted.mask is not None
    frame, middles = where.frame, (np.arange(size) + 0.5) / size
    x, y = frame.left + middles * frame.width, frame.top + middles * frame.height
    return noted.mask.at(x, y, where.width, where.height)
