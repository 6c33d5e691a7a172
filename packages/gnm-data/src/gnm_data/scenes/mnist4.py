"""MNIST-4."""

from typing import ClassVar

import numpy as np

from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.layout import Layout
from gnm_data.scenes.randomness import Randomness


class Mnist4(DigitScenes):
    """Four digits that count up clockwise, one a quadrant, at mirror-symmetric places.

    Objects stand in the order top-left, top-right, bottom-right, bottom-left. `rule/first` (B,) int64 is the digit at
    top-left, 0 to 6; `rule/half_distance` (B, 2) float32 = (x, y) is how far the digits' squares are from the centre
    lines of the image, in pixels, centre to line.
    """

    name: ClassVar[str] = "mnist-4"
    objects: ClassVar[int] = 4
    widest: ClassVar[int] = 2
    legible: ClassVar[int] = 14

    def layout(self, images: np.ndarray, random: Randomness) -> Layout:
        """See `count_up`."""
        return count_up(self.dims.size, self.digit, images, random)


def count_up(size: int, digit: int, images: np.ndarray, random: Randomness) -> Layout:
    """d, d + 1, d + 2, d + 3 clockwise; one square anywhere in its quadrant, the other three its mirror images."""
    first = random.below(7, images, 1, 1)
    near = random.below(size // 2 - digit + 1, images, 2, 2)
    far = size - digit - near
    (x0, y0), (x1, y1) = near.T, far.T
    return Layout(
        labels=first + np.arange(4),
        corners=np.stack([x0, y0, x1, y0, x1, y1, x0, y1], 1).reshape(-1, 4, 2),
        rule={"first": first[:, 0], "half_distance": ((far - near) / 2).astype(np.float32)},
    )
