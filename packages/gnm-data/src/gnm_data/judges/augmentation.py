"""What happens to pictures on their way through a generator: blur, noise, thin and thick strokes, broken strokes."""

import torch
from torch import Tensor
from torch.nn import functional as F

_REACH = 6
"""Pixels that a blur reaches to either side."""


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur, each picture by its own.

    Args:
        images: (B, C, H, W); there may be none.
        sigma: (B,) in pixels, up to 3; 0 leaves a picture as it is.
    """
    if not len(images):
        return images
    channels = images.shape[1]
    places = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32)
    kernel = torch.exp(-(places**2) / (2 * sigma.clamp(min=1e-3)[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None]
    flat = images.reshape(1, -1, *images.shape[2:])
    padded = F.pad(flat, (_REACH,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel[:, :, None, :], groups=len(kernel))
    return F.conv2d(across, kernel[:, :, :, None], groups=len(kernel)).reshape(images.shape)


def noise(images: Tensor, deviation: Tensor, random: torch.Generator) -> Tensor:
    """Add normal noise of a standard deviation (B,) of each picture's own, and clip to [0, 1]."""
    grain = torch.randn(images.shape, generator=random)
    return (images + grain * deviation[:, None, None, None]).clamp(0, 1)


def thicken(images: Tensor, amount: Tensor) -> Tensor:
    """Thicker (amount (B,) up to 1) or thinner (down to -1) strokes, by up to a pixel to every side."""
    wide = F.max_pool2d(images, 3, 1, 1)
    thin = -F.max_pool2d(-images, 3, 1, 1)
    amount = amount[:, None, None, None]
    return torch.where(amount > 0, torch.lerp(images, wide, amount), torch.lerp(images, thin, -amount))
