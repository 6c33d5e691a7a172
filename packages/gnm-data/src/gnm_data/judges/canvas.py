"""Pictures of any size → the sizes that the networks know."""

import torch
from gnm_core.errors import DataError
from torch import Tensor
from torch.nn import functional as F

SIDE = 128
"""Side of the pictures that judges look at, in pixels; others are scaled to it."""


def to_canvas(images: Tensor, channels: int) -> Tensor:
    """Scale pictures to 128 pixels a side: averages when shrinking, bilinear when growing.

    Args:
        images: (B, C, H, W) with H = W.
        channels: 1 takes the mean of coloured pictures; 3 takes no other.

    Returns:
        (B, channels, 128, 128) float32 in [0, 1]; what is not a number becomes 0.

    Raises:
        DataError: the pictures are not square, or have no colour where the rule is about coloured ones.
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise DataError(f"judges look at square pictures (B, C, H, H), not at {tuple(images.shape)}")
    if images.shape[1] != channels and channels != 1:
        raise DataError(f"this judge looks at pictures of {channels} channels, not of {images.shape[1]}")
    images = images.to(torch.float32)
    if images.shape[1] != channels:
        images = images.mean(1, keepdim=True)
    images = images.nan_to_num(0.0, 0.0, 0.0).clamp(0, 1)
    return scale(images, SIDE)


def scale(images: Tensor, side: int) -> Tensor:
    """(B, C, H, H) → (B, C, side, side)."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
