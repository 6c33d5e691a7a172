"""SPACE's foreground: objects that compete for every pixel, painted inside their boxes alone."""

from dataclasses import dataclass
from math import ceil

import torch
from einops import rearrange
from gnm_core.precision import without_autocast
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gnm_baselines.space.boxes import place_weights

SHARPNESS = 100.0
"""How strongly the nearest object wins a pixel."""

CHUNK = 4
"""Scenes painted at a time; the boxes' largest side in a chunk decides how many pixels each object is painted on."""


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

    Outside its box an object has alpha 0 and, in the softmax, weight exp(0): it is counted, not painted.

    Args:
        glimpses: (B, N, C + 1, s, s): appearance, then alpha.
        presence: (B, N).
        depth: (B, N); smaller is nearer.
        where: (B, N, 4) in the image frame.
        size: H = W.
    """
    alpha = glimpses[:, :, -1:] * presence[..., None, None, None]  # in float32: SHARPNESS would magnify what it lost
    weighted = torch.cat([alpha * glimpses[:, :, :-1], alpha], 2)
    weights = SHARPNESS * (-depth).sigmoid()
    chunks = zip(weighted.split(CHUNK), weights.split(CHUNK), where.split(CHUNK), strict=True)
    if torch.is_grad_enabled():  # windows are cheaper to paint again than to keep
        canvas = torch.cat([checkpoint(_paint, a, b, c, size, use_reentrant=False) for a, b, c in chunks])
    else:
        canvas = torch.cat([_paint(a, b, c, size) for a, b, c in chunks])
    return Painting(canvas[:, :-1], canvas[:, -1:])


def _paint(weighted: Tensor, weights: Tensor, where: Tensor, size: int) -> Tensor:
    """(b, N, C + 1, s, s), (b, N), (b, N, 4) → (b, C + 1, H, W)."""
    batch, count, channels, glimpse, _ = weighted.shape
    window, pixels = _windows(where.detach(), glimpse, size)
    columns = place_weights(where[..., 0], where[..., 2], pixels[..., 0, :], glimpse, size)
    rows = place_weights(where[..., 1], where[..., 3], pixels[..., 1, :], glimpse, size)
    with without_autocast(weighted):
        placed = rows[:, :, None] @ (weighted @ rearrange(columns, "b n p s -> b n 1 s p"))
    placed = rearrange(placed, "b n c h w -> b (n h w) c")
    place = (pixels[..., 1, :, None] * size + pixels[..., 0, None, :]).long().flatten(1)  # of each window's pixels

    logits = placed[..., -1] * weights.repeat_interleave(window * window, dim=1)
    blank = logits.new_zeros(batch, size * size)
    highest = blank.scatter_reduce(1, place, logits.detach(), "amax")  # at least 0: objects elsewhere have logit 0
    covering = blank.scatter_add(1, place, torch.ones_like(logits))
    exponentials = (logits - highest.gather(1, place)).exp()
    total = (-highest).exp() * (count - covering) + blank.scatter_add(1, place, exponentials)
    shares = exponentials / total.gather(1, place)
    shared = (shares[..., None] * placed).transpose(1, 2)
    canvas = blank[:, None].expand(-1, channels, -1).scatter_add(2, place[:, None].expand(-1, channels, -1), shared)
    return rearrange(canvas, "b c (h w) -> b c h w", h=size)


def _windows(where: Tensor, glimpse: int, size: int) -> tuple[int, Tensor]:
    """Square windows, all alike, around every box: their side, and (b, N, 2, side) = the columns and rows of each."""
    extent = where[..., :2] * size * (1 + 1 / glimpse)  # bilinear sampling reaches half a glimpse pixel beyond the box
    side = min(size, ceil(float(extent.max())) + 2)
    corner = ((where[..., 2:] + 1) * (size / 2) - extent / 2 - 0.5).floor().clamp(0, size - side)
    return side, corner[..., None] + torch.arange(side, device=where.device, dtype=where.dtype)


def layers(glimpses: Tensor, presence: Tensor, depth: Tensor, where: Tensor, size: int) -> Layers:
    """Every object on a canvas of its own: the plain way, for pictures and tests. Arguments as for `paint`."""
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
