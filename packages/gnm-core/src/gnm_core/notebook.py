"""How results show themselves in a notebook."""

import io
from math import ceil

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

COLUMNS, MOST = 8, 64
"""Pictures in a row, and shown at all."""
LEAST = 96
"""Least side of a picture, in pixels."""


def png(images: Tensor) -> bytes | None:
    """(B, C, H, W) in [0, 1] → the pictures side by side, on white, as a PNG file; the first `MOST` of them.

    None where there are none: a notebook then shows the line.
    """
    if len(images) == 0:
        return None
    from PIL import Image

    shown = torch.nan_to_num(images[:MOST].detach().float().cpu()).clamp(0, 1)
    shown = shown if shown.shape[1] == 3 else shown.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    factor = max(1, ceil(LEAST / shown.shape[-1]))
    shown = F.pad(shown.repeat_interleave(factor, 2).repeat_interleave(factor, 3), (1, 1, 1, 1), value=1.0)
    columns = min(COLUMNS, len(shown))
    missing = -len(shown) % columns
    shown = torch.cat([shown, shown.new_ones(missing, *shown.shape[1:])])
    sheet = rearrange(shown, "(row column) c h w -> (row h) (column w) c", column=columns)
    file = io.BytesIO()
    Image.fromarray((sheet * 255).round().to(torch.uint8).numpy()).save(file, "PNG")
    return file.getvalue()
