"""SPACE's objects painted inside their boxes alone."""

from math import ceil

import torch
from einops import rearrange
from gnm_core.precision import without_autocast
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gnm_baselines.space.boxes import place_weights
from gnm_baselines.space.painting import SHARPNESS, Painting

CHUNK = 4
"""Scenes painted at a time; the boxes' largest side in a chunk decides how many pixels each object is painted on."""


def paint(glimpses: Tensor, presence: Tensor, depth: Tensor, where: Tensor, size: int) -> Painting:
    """As `space.painting.paint`: outside its box an object has, in the softmax, weight exp(0): counted, not painted."""
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
