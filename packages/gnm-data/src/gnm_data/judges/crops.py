"""Cuts objects out of pictures, each scaled to the same size."""

import torch
from torch import Tensor
from torch.nn import functional as F

from gnm_data.judges.networks import Classifier

MARGIN = 1.4
"""Side of a crop over the longest side of the object in it."""


def lattice() -> Tensor:
    """(S, S, 2) = (x, y): middle of each pixel of a crop, -1 and 1 at its edges; S = 28."""
    line = (torch.arange(Classifier.side, dtype=torch.float32) + 0.5) / Classifier.side * 2 - 1
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)


def cut(canvas: Tensor, scene: Tensor, centre: Tensor, size: Tensor, warp: Tensor | None = None) -> Tensor:
    """Crops about given places; what lies beyond the picture is black.

    Args:
        canvas: (B, C, H, H).
        scene: (N,) int64, the picture of each crop.
        centre: (N, 2) = (x, y) in pixels.
        size: (N,) longest side of each object, in pixels.
        warp: (N, S, S, 2) displacement of each pixel of the crops; half their side is 1.

    Returns:
        (N, C, S, S) with S = 28.
    """
    side, (count, channels, height, _) = Classifier.side, canvas.shape
    grid = lattice() if warp is None else lattice() + warp
    grid = grid * (size * (MARGIN / height))[:, None, None, None] + (centre * (2 / height) - 1)[:, None, None, :]
    # the crops of one picture are one tall crop of it, so that no picture is copied
    row = torch.arange(len(scene)) - torch.searchsorted(sorted_scene := scene.sort(stable=True).values, sorted_scene)
    order = scene.argsort(stable=True)
    place = torch.empty_like(order)
    place[order] = row
    tall = torch.full((count, int(row.max()) + 1 if len(row) else 0, side, side, 2), 2.0)
    tall[scene, place] = grid
    crops = F.grid_sample(canvas, tall.flatten(1, 2), align_corners=False)
    return crops.reshape(count, channels, -1, side, side)[scene, :, place]
