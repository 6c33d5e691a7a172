"""Pixels of any depth brought to 8 bits, and transparency to a colour."""

import numpy as np
from PIL import Image

BLACK = (0, 0, 0)

DEEP_WHITE = 65535
"""Of pictures with 16 bits."""


class BadPixels(Exception):
    """The picture holds values that mean nothing here; the text says which."""


def opaque(image: Image.Image, white: int | None = None, background: tuple[int, int, int] = BLACK) -> Image.Image:
    """The picture in 8 bits without transparency.

    Args:
        image: any picture.
        background: RGB of what it lets through.
        white: what is white in a picture of more than 8 bits; 65535 when None. No pixel may be above it.

    Raises:
        BadPixels: floats outside [0, 1], or integers outside 0 to `white`.
    """
    if image.mode.startswith("I"):
        return _from_integers(image, white or DEEP_WHITE, background)
    if image.mode == "F":
        return _from_floats(image)
    if not image.has_transparency_data:
        return image
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, (*background, 255)), layered)


def _from_integers(image: Image.Image, white: int, background: tuple[int, int, int]) -> Image.Image:
    deep = np.asarray(image).astype(np.int64)
    if deep.min() < 0 or deep.max() > white:
        expected = "8 or 16 bits" if white == DEEP_WHITE else f"0 to white = {white}"
        raise BadPixels(f"pixels from {deep.min()} to {deep.max()}; expected {expected}")
    levels = ((deep * 255 + white // 2) // white).astype(np.uint8)
    if "transparency" in image.info:
        levels[deep == image.info["transparency"]] = np.asarray(Image.new("RGB", (1, 1), background).convert("L"))[0, 0]
    return Image.fromarray(levels)


def _from_floats(image: Image.Image) -> Image.Image:
    real = np.asarray(image)
    if not (real.min() >= 0 and real.max() <= 1):
        raise BadPixels(f"pixels from {real.min():g} to {real.max():g}; expected floats from 0 to 1")
    return Image.fromarray((real * 255).round().astype(np.uint8))
