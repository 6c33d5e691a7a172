"""Pictures as PNG: lossless, and readable by anything."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

CHANNELS = (1, 3, 4)
"""Numbers of channels that a PNG can hold: grey, RGB, RGBA."""


def encode(pixels: np.ndarray) -> bytes:
    """(H, W, C) uint8 with C in `CHANNELS` → PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def decode_into(data: bytes | memoryview, pixels: np.ndarray) -> None:
    """Decode a PNG into `pixels`, (H, W, C) uint8.

    Raises:
        ValueError: it is no PNG of that shape.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            found = np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"not a whole PNG ({error})") from error
    if found.dtype != np.uint8 or found.size != pixels.size or found.shape[:2] != pixels.shape[:2]:
        raise ValueError(f"a PNG of {found.shape}, expected {pixels.shape}")
    pixels[...] = found.reshape(pixels.shape)
