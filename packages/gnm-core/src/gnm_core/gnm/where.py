"""The transform of z^where to boxes in the image frame."""

import torch
from torch import Tensor

from gnm_core.latents import SymbolicLatents, SymbolicSample


def to_image_frame(raw: Tensor) -> Tensor:
    """(B, G, G, 4) = (s, r, dx, dy) → (B, G, G, 4) = (width, height, x, y) in the image frame [-1, 1].

    scale = sigmoid(s), ratio = exp(r), width = scale / sqrt(ratio), height = scale * sqrt(ratio);
    centre = (2 / G) * (cell + 0.5 + tanh(d)) - 1, x before y. A width of 1 spans the image.
    """
    grid = raw.shape[1]
    scale, root = raw[..., :1].sigmoid(), (0.5 * raw[..., 1:2]).exp()  # root of the ratio
    cells = torch.arange(grid, device=raw.device, dtype=raw.dtype) + 0.5
    cell = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1)
    centre = (2 / grid) * (cell + raw[..., 2:].tanh()) - 1
    return torch.cat([scale / root, scale * root, centre], dim=-1)


def in_image_frame(z: SymbolicSample) -> SymbolicLatents:
    """z^s with its boxes in the image frame."""
    return SymbolicLatents(z.presence, to_image_frame(z.where), z.depth, z.what)


def from_image_frame(where: Tensor) -> Tensor:
    """(B, G, G, 4) in the image frame → (B, G, G, 4) = (s, r, dx, dy): the inverse of `to_image_frame`.

    A centre that its cell cannot reach becomes the nearest one that it can.
    """
    grid = where.shape[1]
    width, height = where[..., :1].clamp(min=1e-6), where[..., 1:2].clamp(min=1e-6)
    scale = (width * height).sqrt().clamp(max=1 - 1e-6)
    cells = torch.arange(grid, device=where.device, dtype=where.dtype) + 0.5
    cell = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1)
    offset = (where[..., 2:] + 1) * (grid / 2) - cell
    return torch.cat([scale.logit(), (height / width).log(), offset.clamp(-1 + 1e-6, 1 - 1e-6).atanh()], dim=-1)


def to_pixels(where: Tensor, size: int) -> Tensor:
    """(..., 4) = (width, height, x, y) in the image frame → (..., 4) = (x0, y0, x1, y1) in pixels."""
    extent, centre = where[..., :2], where[..., 2:]
    return torch.cat([centre - extent + 1, centre + extent + 1], dim=-1) * (size / 2)
