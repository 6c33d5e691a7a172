"""What happens to rooms on their way through a generator: colours, light, softness, and seams around objects."""

import numpy as np
import torch
from torch import Tensor

from gnm_data.judges.augmentation import blur, noise
from gnm_data.judges.canvas import SIDE, scale
from gnm_data.judges.room_views import smooth


def augmented(
    image: Tensor, boxes: list[np.ndarray], random: np.random.Generator, generator: torch.Generator
) -> Tensor:
    """Each distortion in some of the pictures, in a quarter of them only grain.

    Args:
        image: (B, 3, 128, 128) in [0, 1].
        boxes: of each picture (M, 4) = (x0, y0, x1, y1) around what can be seen of its bodies, in pixels.
        random: decides which pictures, and how much.
        generator: makes the noise.
    """
    count = len(image)
    plain = random.random(count) < 0.25

    def sometimes(chance: float, low: float, high: float) -> Tensor:
        some = (random.random(count) < chance) & ~plain
        return torch.from_numpy(some * random.uniform(low, high, count)).float()

    def each(values: Tensor) -> Tensor:
        return values[:, None, None, None]

    channels = torch.from_numpy(np.stack([random.permutation(3) for _ in range(count)]))
    image = image[torch.arange(count)[:, None], channels]
    grey = image.mean(1, keepdim=True)
    image = (grey + (image - grey) * each(1 + sometimes(0.5, -0.4, 0.4))).clamp(0, 1)
    image = image ** each(1 + sometimes(0.5, -0.3, 0.4))
    image = image * each(1 - sometimes(0.5, -0.15, 0.25))
    image = image + each(sometimes(0.3, 0.0, 0.05)) * smooth(count, 1, 3, generator)
    soft = _blurred(image, sometimes(0.7, 0.3, 1.4))
    image = _seamed(soft, image, boxes, random).clamp(0, 1)
    coarse = torch.from_numpy((random.random(count) < 0.3) & ~plain)
    image[coarse] = scale(scale(image[coarse], SIDE // 2), SIDE)
    image = _blurred(image, sometimes(0.2, 0.3, 2.0))
    grain = torch.from_numpy((random.random(count) < 0.25) * random.uniform(0.0, 0.12, count)).float()
    noisy = grain > 0
    image[noisy] = noise(image[noisy], grain[noisy], generator)
    return image


def _blurred(image: Tensor, sigma: Tensor) -> Tensor:
    made, some = image.clone(), sigma > 0
    made[some] = blur(image[some], sigma[some])
    return made


def _seamed(soft: Tensor, sharp: Tensor, boxes: list[np.ndarray], random: np.random.Generator) -> Tensor:
    """In some pictures a box around each body is sharper than the rest, and a little brighter or darker."""
    made = soft.clone()
    for picture, own in enumerate(boxes):
        if random.random() < 0.5:
            continue
        for box in own:
            grown = box + random.integers(1, 9, 4) * np.array([-1, -1, 1, 1])
            x0, y0, x1, y1 = np.clip(grown, 0, SIDE).astype(int)
            share, shift = random.uniform(0, 1), random.normal(0, 0.018)
            part = (picture, slice(None), slice(y0, y1), slice(x0, x1))
            made[part] = torch.lerp(soft[part], sharp[part], share) + shift
    return made
