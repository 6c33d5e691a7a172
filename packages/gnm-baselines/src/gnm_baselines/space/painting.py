"""SPACE's foreground: objects that compete for every pixel."""

from dataclasses import dataclass

import torch
from einops import rearrange
from gnm_core import kernels
from torch import Tensor

from gnm_baselines.space.boxes import place_weights

SHARPNESS = 100.0
"""How strongly the nearest object wins a pixel."""


@dataclass(frozen=True)
class Painting:
    """All objects of each scene."""

    image: Tensor
    """(B, C, H, W): sum of the objects, each weighted by its share and its own alpha."""
    alpha: Tensor
    """(B, 1, H, W): how much of each pixel they cover."""


@dataclass(frozen=True)
class Layers:
    """Every object by itself."""

    images: Tensor
    """(B, N, C, H, W): appearance times alpha, on a canvas of its own."""
    alphas: Tensor
    """(B, N, 1, H, W)."""
    shares: Tensor
    """(B, N, 1, H, W): its share of each pixel; they sum to one over N."""


def paint(glimpses: Tensor, presence: Tensor, depth: Tensor, where: Tensor, size: int) -> Painting:
    """Paint every scene: share = softmax over objects of 100 sigmoid(-depth) alpha, image = sum of share alpha look.

    Args:
        glimpses: (B, N, C + 1, s, s): appearance, then alpha.
        presence: (B, N).
        depth: (B, N); smaller is nearer.
        where: (B, N, 4) in the image frame.
        size: H = W.
    """
    made: Painting | None = kernels.run("space-paint", glimpses, presence, depth, where, size)
    if made is not None:
        return made
    alone = layers(glimpses, presence, depth, where, size)
    return Painting((alone.shares * alone.images).sum(1), (alone.shares * alone.alphas).sum(1))


def layers(glimpses: Tensor, presence: Tensor, depth: Tensor, where: Tensor, size: int) -> Layers:
    """Every object on a canvas of its own, for pictures too. Arguments as for `paint`."""
    axis = torch.arange(size, device=where.device, dtype=where.dtype).expand(*where.shape[:2], size)
    glimpse = glimpses.shape[-1]
    columns = place_weights(where[..., 0], where[..., 2], axis, glimpse, size)
    rows = place_weights(where[..., 1], where[..., 3], axis, glimpse, size)
    alpha = glimpses[:, :, -1:] * presence[..., None, None, None]
    weighted = torch.cat([alpha * glimpses[:, :, :-1], alpha], 2)
    placed = rows[:, :, None] @ (weighted @ rearrange(columns, "b n p s -> b n 1 s p"))
    images, alphas = placed[:, :, :-1], placed[:, :, -1:]
    shares = (SHARPNESS * (-depth).sigmoid()[..., None, None, None] * alphas).softmax(1)
    return Layers(images, alphas, shares)


def boundary_loss(alpha: Tensor, presence: Tensor, where: Tensor, glimpse: int, margin: int) -> Tensor:
    """(B,): minus the mean over pixels of alpha well inside the boxes: it pulls boxes around whole objects.

    Every box's kernel is 1 inside and 0 within `margin` glimpse pixels of its edge (SPACE, appendix on the boundary
    loss). It is an outer product, so no kernel is ever placed on a canvas.

    Args:
        alpha: (B, 1, H, W).
        presence: (B, N).
        where: (B, N, 4).
        glimpse: side of the kernel.
        margin: of the kernel, below half its side.
    """
    size = alpha.shape[-1]
    axis = torch.arange(size, device=where.device, dtype=where.dtype).expand(*where.shape[:2], size)
    columns = place_weights(where[..., 0], where[..., 2], axis, glimpse, size)[..., margin : glimpse - margin].sum(-1)
    rows = place_weights(where[..., 1], where[..., 3], axis, glimpse, size)[..., margin : glimpse - margin].sum(-1)
    inside = ((rows @ alpha.squeeze(1)) * columns).sum(-1)  # (B, N): r^T alpha c of each box
    return -(presence * inside).sum(1) / size**2
