"""Which images a step learns from."""

from functools import lru_cache

import numpy as np

from gnm_core.contracts import Data
from gnm_core.errors import DataError


class Order:
    """The endless sequence of images: epoch after epoch, each in an order of its own.

    Args:
        data: the data set.
        seed: the training's seed.

    Raises:
        DataError: the data set is empty.
    """

    def __init__(self, data: Data, seed: int) -> None:
        if len(data) == 0:
            raise DataError(f"the data set has no images in its {data.split} split")
        self.length = len(data)
        self._epoch = lru_cache(maxsize=2)(lambda epoch: np.asarray(data.order(epoch, seed)))

    def indices(self, position: int, count: int) -> np.ndarray:
        """(count,) int64: the images from `position` on, counted from the start of the first epoch."""
        parts = []
        while count > 0:
            epoch, start = divmod(position, self.length)
            part = self._epoch(epoch)[start : start + count]
            parts.append(part)
            position, count = position + len(part), count - len(part)
        return np.concatenate(parts)
