"""Digits that ship inside scikit-learn."""

import numpy as np

from gnm_data.digits.contract import Digits, DigitSource
from gnm_data.splits import Split

_CELL = 4
"""Pixels that each of the 8 x 8 cells becomes along a side: the published cells were 4 x 4 pixels once."""
_CONTRAST = 2.5
"""Slope of ink against height: strokes get edges of about two pixels."""
_ROUNDS = 4
"""Corrections; many more would tear thin strokes."""
_SPLIT = np.array(["train", "train", "train", "train", "validation", "test"])
"""Split of the first, second, ... digit of a class, over and over."""


class EmbeddedDigits(DigitSource):
    """The 1,797 handwritten digits of scikit-learn's `load_digits`; nothing is downloaded.

    Two thirds train, a sixth each is for validation and test. scikit-learn keeps 8 x 8 cells, each the ink of 4 x 4
    pixels of a binary scan; the strokes are drawn again so that their ink per cell is what it was.
    """

    def read(self, split: Split) -> Digits:
        """All digits of a split, in scikit-learn's order."""
        from sklearn.datasets import load_digits

        bundle = load_digits()
        labels: np.ndarray = bundle.target.astype(np.int64)
        rank = np.zeros(len(labels), np.int64)
        for label in range(10):
            members = labels == label
            rank[members] = np.arange(members.sum())
        keep = _SPLIT[rank % len(_SPLIT)] == split
        return Digits(redraw(bundle.images[keep] / 16), labels[keep])


def redraw(cells: np.ndarray) -> np.ndarray:
    """Strokes whose ink, cell by cell, is the given ink: interpolate, harden, correct by what each cell lacks, repeat.

    Only sums and products of single elements in a fixed order, so that every machine draws the same pixels.

    Args:
        cells: (N, R, R) in [0, 1], share of each cell that is ink.

    Returns:
        (N, S, S) uint8 with S = 4 (R + 2): a margin of one cell.
    """
    cells = np.pad(cells, ((0, 0), (1, 1), (1, 1)))
    height = _enlarge(cells)
    for _ in range(_ROUNDS):
        height = _smooth(height + _enlarge(cells - _ink_of_cells(_harden(height))))
    return (255 * _harden(height) + 0.5).astype(np.uint8)


def _harden(height: np.ndarray) -> np.ndarray:
    """Height to ink in [0, 1]."""
    return np.clip(0.5 + _CONTRAST * (height - 0.5), 0, 1)


def _ink_of_cells(ink: np.ndarray) -> np.ndarray:
    """Mean ink of each cell."""
    for axis in (1, 2):
        ink = np.moveaxis(ink, axis, 0)
        ink = (ink[0::4] + ink[1::4] + ink[2::4] + ink[3::4]) / 4
        ink = np.moveaxis(ink, 0, axis)
    return ink


def _smooth(height: np.ndarray) -> np.ndarray:
    """Blur by (1, 2, 1) / 4 along both axes."""
    for axis in (1, 2):
        height = np.moveaxis(np.pad(height, [(int(a == axis),) * 2 for a in range(3)], mode="edge"), axis, 0)
        height = np.moveaxis((height[:-2] + height[2:]) / 4 + height[1:-1] / 2, 0, axis)
    return height


def _enlarge(cells: np.ndarray) -> np.ndarray:
    """Cubic (Catmull-Rom) interpolation of cells to pixels."""
    for axis in (1, 2):
        near = np.moveaxis(np.pad(cells, [(2 * int(a == axis),) * 2 for a in range(3)]), axis, 0)
        count = len(near) - 4
        fine = np.empty((count, _CELL, *near.shape[1:]))
        for shift in range(_CELL):
            offset = (shift + 0.5) / _CELL - 0.5
            first = int(offset >= 0)  # the four cells about the pixel are first, ..., first + 3 from its own cell - 2
            t = offset - (first - 1)
            weights = (
                (-t + 2 * t * t - t * t * t) / 2,
                (2 - 5 * t * t + 3 * t * t * t) / 2,
                (t + 4 * t * t - 3 * t * t * t) / 2,
                (t * t * t - t * t) / 2,
            )
            fine[:, shift] = sum(w * near[first + k : first + k + count] for k, w in enumerate(weights))
        cells = np.moveaxis(fine.reshape(count * _CELL, *near.shape[1:]), 0, axis)
    return cells
