"""From images of a model to pixels of a figure."""

from math import ceil

import numpy as np
import torch
from gnm_core.errors import FigureError
from torch import Tensor

Pixels = np.ndarray
"""(height, width, 3) uint8 RGB."""


def to_pixels(image: Tensor) -> Pixels:
    """(C, H, W) in [0, 1] → pixels; grey for one channel, RGB for three, else the mean of all channels as grey.

    Values outside [0, 1] are clipped.

    Raises:
        FigureError: a value is not finite; painted, it would look like a sound picture.
    """
    image = image.detach().float().cpu()
    if bad := int((~image.isfinite()).sum()):
        raise FigureError(f"an image of the model is not finite: {bad:,} of {image.numel():,} numbers")
    if image.shape[0] != 3:
        image = image.mean(0, keepdim=True).expand(3, -1, -1)
    eight_bit = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy())


def enlarge(pixels: Pixels, factor: int) -> Pixels:
    """Every pixel becomes a square of `factor` pixels."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def enlargement(size: int, least: int) -> int:
    """The whole factor by which an image of `size` pixels fills at least `least`."""
    return max(1, ceil(least / size))


def to_cells(images: Tensor, factor: int) -> list[Pixels]:
    """(B, C, H, W) in [0, 1] → one picture each, enlarged by `factor`."""
    return [enlarge(to_pixels(image), factor) for image in images]
