"""MNIST-10."""

from typing import ClassVar

import numpy as np

from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.layout import Layout
from gnm_data.scenes.quadrant import place
from gnm_data.scenes.randomness import Randomness

_HOMES = np.array(
    [
        [0, 0, 1, 1, 1, 3, 3, 3, 2, 2],
        [2, 2, 1, 1, 1, 3, 3, 3, 0, 0],
        [0, 0, 3, 3, 3, 1, 1, 1, 2, 2],
        [2, 2, 3, 3, 3, 1, 1, 1, 0, 0],
    ]
)
"""Quadrant (0 to 3 clockwise from top-left) of each class, by mode."""


class Mnist10(DigitScenes):
    """Every class once; opposite quadrants hold {0, 1} and {8, 9}, the other two {2, 3, 4} and {5, 6, 7}.

    Object i is the digit i. `rule/mode` (B,) int64, 0 to 3, says which way the quadrants are swapped: mode 0 has
    {0, 1} at top-left and {2, 3, 4} at top-right; 1 adds that {8, 9} is at top-left, 2 that {5, 6, 7} is at top-right.
    """

    name: ClassVar[str] = "mnist-10"
    objects: ClassVar[int] = 10
    widest: ClassVar[int] = 4
    legible: ClassVar[int] = 12

    def layout(self, images: np.ndarray, random: Randomness) -> Layout:
        """See `group`."""
        return group(self.dims.size, self.digit, images, random)


def group(size: int, digit: int, images: np.ndarray, random: Randomness) -> Layout:
    """Each group of classes anywhere in the quadrant that its mode gives it, squares apart."""
    mode = random.below(4, images, 1, 1)[:, 0]
    half = size // 2
    within = [
        place(half, digit, count, images=images, random=random, stream=2 + k) for k, count in enumerate((2, 3, 3, 2))
    ]
    home = _HOMES[mode]
    origin = np.stack([(home == 1) | (home == 2), home >= 2], -1) * (size - half)
    return Layout(
        labels=np.tile(np.arange(10), (len(images), 1)),
        corners=np.concatenate(within, 1) + origin,
        rule={"mode": mode},
    )
