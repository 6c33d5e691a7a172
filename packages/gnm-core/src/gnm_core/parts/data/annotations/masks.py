"""Masks of objects, as annotations give them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from gnm_core.run_lengths import mask_of


class Mask(Protocol):
    """Which points of a picture belong to an object."""

    def at(self, x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
        """Points (W,) and (H,), in pixels of a picture of `width` x `height` → (H, W) bool."""


@dataclass(frozen=True)
class Polygons:
    """Corners of the object's parts."""

    parts: tuple[np.ndarray, ...]
    """Each (K, 2): x and y."""
    shares: bool = False
    """In shares of the picture's sides instead of pixels."""

    def at(self, x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
        """As `Mask`; a part covers what an odd number of its edges surrounds."""
        scale = (width, height) if self.shares else (1, 1)
        inside = np.zeros((len(y), len(x)), bool)
        for part in self.parts:
            inside |= _surrounded(part * scale, x, y)
        return inside


@dataclass(frozen=True)
class RunLengths:
    """COCO's run lengths of the whole picture."""

    lengths: tuple[int, ...]
    height: int
    width: int

    @cached_property
    def mask(self) -> np.ndarray:
        """(height, width) bool."""
        return mask_of(self.lengths, self.height, self.width)

    def at(self, x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
        """As `Mask`."""
        columns, rows = np.floor(x).astype(int), np.floor(y).astype(int)
        there = ((rows >= 0) & (rows < self.height))[:, None] & ((columns >= 0) & (columns < self.width))
        found = self.mask[rows.clip(0, self.height - 1)][:, columns.clip(0, self.width - 1)]
        return np.asarray(found & there)


def _surrounded(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(K, 2), (W,), (H,) → (H, W): whether an odd number of edges lies to the left of each point."""
    odd = np.zeros((len(y), len(x)), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        rows = (y0 <= y) != (y1 <= y)
        crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        odd ^= rows[:, None] & (crossing[:, None] <= x)
    return odd
