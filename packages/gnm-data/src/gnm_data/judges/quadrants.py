"""The four quarters of a picture, clockwise from top-left."""

import numpy as np

from gnm_data.judges.canvas import SIDE

NAMES = ("top-left", "top-right", "bottom-right", "bottom-left")


def quadrant(places: np.ndarray) -> np.ndarray:
    """(N, 2) places on the canvas → (N,) int64: place in `NAMES`."""
    right, low = (places >= SIDE / 2).T
    return np.asarray(np.where(low, 3 - right.astype(np.int64), right))
