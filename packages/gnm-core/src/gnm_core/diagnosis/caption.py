"""A few words below a picture."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gnm_core.diagnosis.rules import Finding

SIZE, LINE, MARGIN = 16, 20, 12
PAPER, INK, ALARM = (255, 255, 255), (90, 90, 90), (150, 40, 30)
"""Colours, RGB."""


def caption_of(findings: Sequence[Finding], other: str = "") -> str:
    """What a picture of such a model says of itself; empty where nothing is wrong.

    Args:
        findings: what is wrong.
        other: the pictures that were looked at, where the model did not learn from such.
    """
    told = "; ".join(f"{finding.name} ({finding.seen})" for finding in findings)
    where = f" of what it makes of {other}, which it did not learn from" if other else ""
    return f"Beware{where}: {told}." if told else ""


def captioned(pixels: np.ndarray, text: str, ink: tuple[int, int, int] = ALARM) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8 → the same with `text` in lines below it; the picture itself where there is no text."""
    if not text:
        return pixels
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    height, width = pixels.shape[:2]
    lines = _wrapped(text, width - 2 * MARGIN)
    picture = Image.new("RGB", (width, height + LINE * len(lines) + 2 * MARGIN), PAPER)
    picture.paste(Image.fromarray(pixels), (0, 0))
    draw = ImageDraw.Draw(picture)
    for i, line in enumerate(lines):
        draw.text((MARGIN, height + MARGIN + i * LINE), line, fill=ink, font=_font())
    return np.asarray(picture)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(SIZE)


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of at most `width` pixels; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _font().getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
