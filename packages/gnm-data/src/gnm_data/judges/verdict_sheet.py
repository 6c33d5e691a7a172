"""Judged pictures on one sheet: what was found in each, and what is wrong with it."""

import textwrap
from collections.abc import Sequence
from math import ceil, sqrt

from gnm_core.results import Verdict
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gnm_data.sheet import GAP, pixels

MAX_PICTURES = 1024
"""Pictures that fit on a sheet."""
_TILE = 192
"""Side of a picture on the sheet, in pixels."""
_LINES = 3
_GOOD, _BAD, _INK = (66, 215, 125), (255, 90, 79), (225, 225, 225)


def verdict_sheet(images: Tensor, verdicts: Sequence[Verdict]) -> Image.Image:
    """Pictures in rows, green frames for those that obey and red ones, with the reason below, for those that do not.

    Args:
        images: (B, C, H, W) in [0, 1], C = 1 or 3; at least one.
        verdicts: one a picture; their objects are marked by name.
    """
    font = ImageFont.load_default(size=11)
    columns = ceil(sqrt(len(images)))
    width, height = _TILE + 2 * GAP, _TILE + 2 * GAP + 13 * _LINES + 2
    sheet = Image.new("RGB", (columns * width, ceil(len(images) / columns) * height), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for place, (picture, verdict) in enumerate(zip(pixels(images), verdicts, strict=True)):
        left, top = place % columns * width + GAP, place // columns * height + GAP
        colour = _GOOD if verdict.accepted else _BAD
        draw.rectangle((left - 2, top - 2, left + _TILE + 1, top + _TILE + 1), outline=colour, width=2)
        sheet.paste(Image.fromarray(picture).resize((_TILE, _TILE), Image.Resampling.BILINEAR), (left, top))
        scale = _TILE / picture.shape[0]
        for name, x, y in verdict.objects:
            draw.text((left + x * scale + 14, top + y * scale - 14), name, fill=colour, font=font, anchor="mm")
        lines = textwrap.wrap(verdict.reason or f"margin {verdict.margin:.1f}", 34)[:_LINES]
        draw.multiline_text((left, top + _TILE + 3), "\n".join(lines), fill=_INK, font=font, spacing=1)
    return sheet
