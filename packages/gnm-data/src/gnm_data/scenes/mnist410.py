"""MNIST-4-10."""

from typing import ClassVar

import numpy as np

from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.layout import Layout
from gnm_data.scenes.mnist4 import count_up
from gnm_data.scenes.mnist10 import group
from gnm_data.scenes.randomness import Randomness


class Mnist410(DigitScenes):
    """An even mixture: of every two neighbours, one scene obeys the rule of MNIST-4 and one that of MNIST-10.

    `rule/set` (B,) int64 is 0 for a scene of MNIST-4, 1 for one of MNIST-10. `rule/first`, `rule/half_distance` and
    `rule/mode` are those of the scene's rule; -1 where it has none.
    """

    name: ClassVar[str] = "mnist-4-10"
    objects: ClassVar[int] = 10
    widest: ClassVar[int] = 4
    legible: ClassVar[int] = 12

    def layout(self, images: np.ndarray, random: Randomness) -> Layout:
        """A coin for each pair of neighbours says which of the two is which."""
        ten = (random.below(2, images // 2, 7, 1)[:, 0] + images) % 2 == 1
        count = len(images)
        labels = np.full((count, 10), -1)
        corners = np.zeros((count, 10, 2), np.int64)
        rule = {
            "set": ten.astype(np.int64),
            "first": np.full(count, -1),
            "half_distance": np.full((count, 2), -1, np.float32),
            "mode": np.full(count, -1),
        }
        for its, decide in ((~ten, count_up), (ten, group)):
            part = decide(self.dims.size, self.digit, images[its], random)
            places = part.labels.shape[1]
            labels[its, :places] = part.labels
            corners[its, :places] = part.corners
            for key, value in part.rule.items():
                rule[key][its] = value
        return Layout(labels, corners, rule)
