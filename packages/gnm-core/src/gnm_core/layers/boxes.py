"""Boxes of an image: cut out of it, and how much of it they cover. Along each axis a box is a small matrix."""

import torch
from einops import rearrange
from torch import Tensor


def crop(image: Tensor, where: Tensor, size: int) -> Tensor:
    """(B, C, H, H) and (B, N, 4) → (B, N, C, size, size): what is in each box, sampled bilinearly.

    Pixel centres at half-integers, zero outside the image (`align_corners=False`). All boxes of an image share one
    product along each axis.

    Args:
        image: pictures.
        where: (width, height, x, y) of each box in the image frame [-1, 1].
        size: side of the glimpse, in pixels.
    """
    width, height, x, y = where.unbind(-1)
    side, count, channels = image.shape[-1], where.shape[1], image.shape[1]
    columns = _crop_weights(width, x, size, side)
    across = rearrange(image, "b c h w -> b (c h) w") @ rearrange(columns, "b n s w -> b w (n s)")
    across = rearrange(across, "b (c h) (n s) -> b n h (c s)", c=channels, n=count)
    return rearrange(_crop_weights(height, y, size, side) @ across, "b n t (c s) -> b n c t s", c=channels)


def hat(position: Tensor, sources: int) -> Tensor:
    """(...) → (..., sources): bilinear weight of each source pixel at each position."""
    source = torch.arange(sources, device=position.device, dtype=position.dtype)
    return (1 - (position[..., None] - source).abs()).clamp(min=0)


def _crop_weights(extent: Tensor, centre: Tensor, glimpse: int, size: int) -> Tensor:
    """(B, N), (B, N) → (B, N, glimpse, size): what each image pixel adds to each glimpse pixel."""
    inside = (2 * torch.arange(glimpse, device=extent.device, dtype=extent.dtype) + 1) / glimpse - 1
    position = centre[..., None] + extent[..., None] * inside
    return hat((position + 1) * (size / 2) - 0.5, size)


def cover(where: Tensor, presence: Tensor, size: int) -> Tensor:
    """(B, N, 4) and (B, N) → (B, 1, size, size) in [0, 1]: how much of each pixel lies in boxes that are there.

    Args:
        where: (width, height, x, y) of each box in the image frame [-1, 1].
        presence: how much each box is there, in [0, 1].
        size: pixels of the image along one axis.
    """
    width, height, x, y = where.unbind(-1)
    columns, rows = _inside(width, x, size), _inside(height, y, size)
    covered = (rows * presence[..., None]).transpose(1, 2) @ columns
    return covered.clamp(max=1)[:, None]


EDGE = 0.25
"""A shape ends where it falls below this share of its peak: thin and pointed ends are blurred most."""


def tight_boxes(shapes: Tensor, otherwise: Tensor) -> Tensor:
    """(B, N, H, W) → (B, N, 4) = (x0, y0, x1, y1) in pixels: where each shape rises above `EDGE` of its peak.

    Between two pixels the shape is taken to rise along a straight line.

    Args:
        shapes: how much of each pixel an object fills.
        otherwise: (B, N, 4), for shapes that are empty.
    """
    peak = shapes.amax((2, 3), keepdim=True)
    above = shapes / (EDGE * peak).clamp(min=1e-6)
    (x0, x1), (y0, y1) = _ends(above.amax(2)), _ends(above.amax(3))
    return torch.where(peak.flatten(2) > 0.01, torch.stack([x0, y0, x1, y1], -1), otherwise)


def _ends(profile: Tensor) -> tuple[Tensor, Tensor]:
    """(..., P) → two of (...): where a profile first rises above 1, and where it last does, in pixels."""
    before = torch.nn.functional.pad(profile, (1, 0))[..., :-1]
    after = torch.nn.functional.pad(profile, (0, 1))[..., 1:]
    high, pixel = profile >= 1, torch.arange(profile.shape[-1], device=profile.device, dtype=profile.dtype) + 0.5
    rise = pixel - (profile - 1) / (profile - before).clamp(min=1e-6)
    fall = pixel + (profile - 1) / (profile - after).clamp(min=1e-6)
    first = torch.where(high & (before < 1), rise, torch.inf).amin(-1)
    last = torch.where(high & (after < 1), fall, -torch.inf).amax(-1)
    return first, last


def _inside(extent: Tensor, centre: Tensor, size: int) -> Tensor:
    """(B, N), (B, N) → (B, N, size): the share of each pixel that lies in the box, along one axis."""
    pixel = torch.arange(size, device=extent.device, dtype=extent.dtype)
    first, last = (((centre + side * extent + 1) * (size / 2))[..., None] for side in (-1, 1))
    return (torch.minimum(last, pixel + 1) - torch.maximum(first, pixel)).clamp(0, 1)
