"""Small windows of a canvas: where each object's box lies, cut out of and added onto full-size images."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """M square windows of one side on B canvases."""

    scene: Tensor
    """(M,) int64: which canvas."""
    top: Tensor
    """(M,) int64: first row."""
    left: Tensor
    """(M,) int64: first column."""
    side: int
    """Pixels."""


@dataclass(frozen=True)
class Bucket:
    """Objects whose boxes fit windows of the same side."""

    members: Tensor
    """(M,) int64: which of the N objects of all scenes."""
    windows: Windows
    """Where each lies."""


def bucket_boxes(where: Tensor, scene: Tensor, size: int, glimpse: int) -> list[Bucket]:
    """Sort objects into windows of a quarter, a half, three quarters and the whole of the image.

    Args:
        where: (N, 4) = (width, height, x, y) in the image frame.
        scene: (N,) canvas of each object.
        size: pixels of the image.
        glimpse: pixels of a glimpse.
    """
    extent, centre = where.detach()[:, :2], where.detach()[:, 2:]
    margin = 1 + extent * (size / (2 * glimpse))  # a bilinear glimpse fades out half a glimpse pixel beyond its box
    need = (extent * size + 2 * margin).amax(1)
    first = (centre - extent + 1) * (size / 2) - margin
    buckets = []
    left_out = torch.ones_like(scene, dtype=torch.bool)
    for quarters in (1, 2, 3, 4):
        side = size if quarters == 4 else size * quarters // 4
        fits = left_out if quarters == 4 else left_out & (need <= side)
        left_out = left_out & ~fits
        members = fits.nonzero()[:, 0]
        if len(members):
            corner = first[members].floor().long().clamp(0, size - side)
            buckets.append(Bucket(members, Windows(scene[members], corner[:, 1], corner[:, 0], side)))
    return buckets


def add_windows(patches: Tensor, windows: Windows, scenes: int, size: int) -> Tensor:
    """(M, c, side, side) → (B, c, size, size): the sum of all patches on each canvas.

    Args:
        patches: what to add.
        windows: where.
        scenes: B.
        size: side of the canvas in pixels.
    """
    canvas: Tensor = _AddWindows.apply(patches, windows, scenes, size)
    return canvas


def _flat_places(windows: Windows, size: int) -> Tensor:
    """(M, side, side): index of every window pixel in a (B * size * size) canvas."""
    along = torch.arange(windows.side, device=windows.scene.device)
    rows = windows.scene[:, None] * size + windows.top[:, None] + along
    columns = windows.left[:, None] + along
    return rows[:, :, None] * size + columns[:, None, :]


class _AddWindows(torch.autograd.Function):
    """Adds patches onto canvases; the gradient cuts the same windows out again."""

    @staticmethod
    def forward(ctx, patches: Tensor, windows: Windows, scenes: int, size: int) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.windows = windows
        channels = patches.shape[1]
        canvas = patches.new_zeros(scenes, channels, size, size)
        side = windows.side
        if side == size:
            return canvas.index_add_(0, windows.scene, patches)
        if patches.is_cuda:
            places = _flat_places(windows, size).flatten()
            flat = canvas.permute(1, 0, 2, 3).reshape(channels, -1)
            flat.index_add_(1, places, patches.permute(1, 0, 2, 3).reshape(channels, -1))
            return flat.view(channels, scenes, size, size).permute(1, 0, 2, 3).contiguous()
        slices = zip(windows.scene.tolist(), windows.top.tolist(), windows.left.tolist(), patches, strict=True)
        for scene, top, left, patch in slices:  # slices beat index_add on a CPU by far
            canvas[scene, :, top : top + side, left : left + side] += patch
        return canvas

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        windows: Windows = ctx.windows
        side = windows.side
        views = gradient.unfold(2, side, 1).unfold(3, side, 1)
        return views[windows.scene, :, windows.top, windows.left], None, None, None
