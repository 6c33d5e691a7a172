"""Bilinear sampling along one axis, as a matrix."""

import torch
from torch import Tensor


def bilinear_weights(
    extent: Tensor,
    centre: Tensor,
    glimpse: int,
    size: int,
    *,
    start: Tensor | None = None,
    count: int | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """(...) and (...) → (..., count, glimpse): what each glimpse pixel adds to each image pixel along one axis.

    Bilinear sampling with zero padding, pixel centres at half-integers (`align_corners=False`). Every row has at most
    two entries that are not zero: they are scattered, and the gradient gathers them.

    Args:
        extent: width or height of the box; 1 spans the image.
        centre: its centre in [-1, 1].
        glimpse: pixels of the glimpse along the axis.
        size: pixels of the image along the axis.
        start: (...) first pixel wanted; 0 when None.
        count: how many; all when None.
        dtype: of the result; that of the box when None. Positions are always as exact as the box.
    """
    pixels = torch.arange(size if count is None else count, device=extent.device, dtype=extent.dtype) * 2 + 1
    if start is not None:
        pixels = pixels + 2 * start[..., None].to(extent.dtype)
    position = (pixels / size - 1 - centre[..., None]) / (extent[..., None] + 1e-15)
    position = ((position + 1) * (glimpse / 2) - 0.5).clamp(-2, glimpse + 1)
    before = position.detach().floor()
    after_share = position - before
    shares = torch.stack([1 - after_share, after_share], dim=-1)
    places = torch.stack([before, before + 1], dim=-1).long()
    inside = (places >= 0) & (places < glimpse)
    shares = (shares * inside).to(dtype or extent.dtype)
    return shares.new_zeros(*position.shape, glimpse).scatter_add(-1, places.clamp(0, glimpse - 1), shares)
