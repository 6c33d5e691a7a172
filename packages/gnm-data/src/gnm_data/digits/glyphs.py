"""Digits cut out and scaled, ready to be put into scenes."""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Glyphs:
    """Digits cropped to their ink, sorted by class."""

    images: np.ndarray
    """(N, size, size) uint8: each digit in the top-left corner, zeros elsewhere."""
    heights: np.ndarray
    """(N,) int64: rows that hold ink."""
    widths: np.ndarray
    """(N,) int64: columns that hold ink."""
    sources: np.ndarray
    """(N,) int64: place of each digit in its source's split."""
    starts: np.ndarray
    """(10,) int64: first glyph of each class."""
    counts: np.ndarray
    """(10,) int64: number of glyphs of each class."""


def fit(images: np.ndarray, labels: np.ndarray, size: int) -> Glyphs:
    """Crop every digit to its ink (pixels above zero) and scale its longest side to `size` pixels.

    A digit that has that size already keeps its pixels; Pillow's integer resampling makes the others,
    so that every machine gets the same bytes.

    Args:
        images: (N, H, W) uint8, ink above zero; a picture without ink raises ValueError.
        labels: (N,) int64, 0 to 9.
        size: longest side of a glyph, in pixels.
    """
    order = np.argsort(labels, kind="stable")
    glyphs = np.zeros((len(images), size, size), np.uint8)
    boxes = np.zeros((len(images), 2), np.int64)
    for place, image in enumerate(images[order]):
        glyph = _fit_one(image, size)
        boxes[place] = glyph.shape
        glyphs[place, : glyph.shape[0], : glyph.shape[1]] = glyph
    counts = np.bincount(labels, minlength=10)
    return Glyphs(
        images=glyphs,
        heights=boxes[:, 0],
        widths=boxes[:, 1],
        sources=order.astype(np.int64),
        starts=np.cumsum(counts) - counts,
        counts=counts,
    )


def _fit_one(image: np.ndarray, size: int) -> np.ndarray:
    """One digit, cropped and scaled."""
    glyph = _crop(image)
    height, width = glyph.shape
    longest = max(height, width)
    if longest == size:
        return glyph
    # round half up in integers: no machine rounds it otherwise
    shape = [max(1, (2 * side * size + longest) // (2 * longest)) for side in (width, height)]
    return _crop(np.asarray(Image.fromarray(glyph).resize((shape[0], shape[1]), Image.Resampling.BICUBIC)))


def _crop(image: np.ndarray) -> np.ndarray:
    """The part of a picture that holds ink."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
