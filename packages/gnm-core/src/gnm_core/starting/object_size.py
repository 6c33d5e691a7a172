"""How large the objects in pictures are: a guess, from the patches that stand out of a smooth ground."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GROUND = 8
"""Tiles of the ground along one side."""
STANDS_OUT = 6.0
"""How many times its usual distance from the ground a pixel must be away to stand out."""
FAINTEST = 0.1
"""Least distance from the ground, over all channels, of a pixel that stands out."""
SMALLEST, LARGEST = 4, 0.6
"""Patches of fewer pixels along a side are specks; of more than this share of the picture, ground."""


@dataclass(frozen=True)
class SizeGuess:
    """How large objects seem to be."""

    side: float
    """Side of a square as large as the usual object's box, in pixels of the pictures looked at."""
    patches: int
    """From how many patches."""
    pictures: int
    """In how many pictures."""


def guess_object_size(pictures: np.ndarray) -> SizeGuess | None:
    """(N, C, S, S) uint8 → the median side of what stands out of a smooth ground; None where hardly anything does.

    Patches at the picture's edge are cut off and do not count, unless there are no others.
    """
    inner: list[float] = []
    cut: list[float] = []
    seen = 0
    for picture in pictures:
        boxes = patch_boxes(picture)
        seen += bool(len(boxes))
        side = picture.shape[-1]
        for x0, y0, x1, y1 in boxes:
            at_edge = min(x0, y0) == 0 or max(x1, y1) == side
            (cut if at_edge else inner).append(float(np.sqrt((x1 - x0) * (y1 - y0))))
    sides = inner or cut
    return SizeGuess(float(np.median(sides)), len(sides), seen) if sides else None


def patch_boxes(picture: np.ndarray) -> np.ndarray:
    """(C, S, S) uint8 → (N, 4) = (x0, y0, x1, y1): the patches that stand out of a smooth ground."""
    away = _distance_from_ground(picture.astype(np.float32) / 255)
    stands_out = away > max(FAINTEST, STANDS_OUT * float(np.median(away)))
    labels = _patches(stands_out)
    boxes = []
    for label in np.unique(labels[labels > 0]):
        ys, xs = np.nonzero(labels == label)
        width, height = np.ptp(xs) + 1, np.ptp(ys) + 1
        if min(width, height) >= SMALLEST and max(width, height) <= LARGEST * picture.shape[-1]:
            boxes.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return np.array(boxes, dtype=int).reshape(-1, 4)


def _distance_from_ground(picture: np.ndarray) -> np.ndarray:
    """(C, S, S) → (S, S): distance from a surface of tiles' medians, each the median of its neighbours' too."""
    side = picture.shape[-1]
    edges = np.linspace(0, side, GROUND + 1).astype(int)
    bounds = list(pairwise(edges))
    tiles = np.array([[np.median(picture[:, a:b, c:d], axis=(1, 2)) for c, d in bounds] for a, b in bounds])
    padded = np.pad(tiles, ((2, 2), (2, 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(0, 1))
    ground = np.median(windows, axis=(-1, -2))  # (T, T, C)
    at = (np.arange(side) + 0.5) * GROUND / side - 0.5
    grown = np.array([[np.interp(at, np.arange(GROUND), row[:, c]) for row in ground] for c in range(len(picture))])
    grown = np.array([[np.interp(at, np.arange(GROUND), column) for column in channel.T] for channel in grown])
    distance: np.ndarray = np.sqrt(((picture - grown.transpose(0, 2, 1)) ** 2).sum(0))
    return distance


def _patches(there: np.ndarray) -> np.ndarray:
    """(S, S) bool → (S, S) int: pixels that hang together, four ways, bear one number; 0 elsewhere."""
    labels = np.where(there, np.arange(1, there.size + 1).reshape(there.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        around = [padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
        spread = np.where(there, np.maximum.reduce(around), 0)
        if np.array_equal(spread, labels):
            return labels
        labels = spread
