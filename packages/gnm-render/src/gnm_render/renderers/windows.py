"""Small windows of a canvas: where each object's box lies, cut out of and added onto full-size images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from gnm_core import kernels
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
class Sorted:
    """Objects in the order of their windows' sides."""

    order: Tensor
    """(N,) int64: which object comes where."""
    windows: list[Windows]
    """The windows of each side that occurs, in that order: N in all."""


def sort_by_window(where: Tensor, scene: Tensor, size: int, glimpse: int) -> Sorted:
    """Give each object a window of a quarter, a half, three quarters or the whole of the image.

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
    order, windows = [scene[:0]], []
    left_out = torch.ones_like(scene, dtype=torch.bool)
    for quarters in (1, 2, 3, 4):
        side = size if quarters == 4 else size * quarters // 4
        fits = left_out if quarters == 4 else left_out & (need <= side)
        left_out = left_out & ~fits
        members = fits.nonzero()[:, 0]
        if len(members):
            corner = first[members].floor().long().clamp(0, size - side)
            order.append(members)
            windows.append(Windows(scene[members], corner[:, 1], corner[:, 0], side))
    return Sorted(torch.cat(order), windows)


def add_windows(patches: Sequence[Tensor], windows: Sequence[Windows], scenes: int, size: int) -> Tensor:
    """(M, side, c, side) each, row by row → (B, size, c, size): the sum of all patches on each canvas.

    Args:
        patches: what to add; at least one tensor.
        windows: where those of each tensor lie.
        scenes: B.
        size: side of the canvas in pixels.
    """
    canvas: Tensor = _AddWindows.apply(windows, scenes, size, *patches)
    return canvas


class _AddWindows(torch.autograd.Function):
    """Adds patches onto canvases; the gradient cuts the same windows out again."""

    @staticmethod
    def forward(ctx: Any, windows: Sequence[Windows], scenes: int, size: int, *patches: Tensor) -> Tensor:
        ctx.windows = windows
        canvas = patches[0].new_zeros(scenes, size, patches[0].shape[2], size)
        for patch, place in zip(patches, windows, strict=True):
            _add(canvas, patch, place)
        return canvas

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, None, *(_cut(gradient, place) for place in ctx.windows)


def _add(canvas: Tensor, patches: Tensor, windows: Windows) -> None:
    if windows.side == canvas.shape[1]:
        canvas.index_add_(0, windows.scene, patches)
    elif kernels.run("add-windows", canvas, patches, windows) is None:
        pixels = rearrange(patches, "m y c x -> m y x c")
        canvas.transpose(2, 3).index_put_(_places(windows), pixels, accumulate=True)


def _cut(canvas: Tensor, windows: Windows) -> Tensor:
    if windows.side == canvas.shape[1]:
        return canvas[windows.scene]
    made: Tensor | None = kernels.run("cut-windows", canvas, windows)
    return rearrange(canvas.transpose(2, 3)[_places(windows)], "m y x c -> m y c x") if made is None else made


def _places(windows: Windows) -> tuple[Tensor, Tensor, Tensor]:
    """Scene, row and column of every pixel of every window; they broadcast to (M, side, side)."""
    along = torch.arange(windows.side, device=windows.scene.device)
    rows, columns = windows.top[:, None] + along, windows.left[:, None] + along
    return windows.scene[:, None, None], rows[:, :, None], columns[:, None, :]
