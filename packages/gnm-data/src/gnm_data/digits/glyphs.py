"""Digits cut out and scaled, ready to be put into scenes."""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Picked:
    """Some glyphs."""

    images: np.ndarray
    """(..., size, size) uint8: each glyph in the top-left corner, zeros elsewhere."""
    sides: np.ndarray
    """(..., 2) int64 = (width, height) of each one's ink, in pixels."""


class Glyphs:
    """Digits cropped to their ink (pixels above zero), the longest side scaled to `size` pixels, sorted by class.

    A digit that has that size already keeps its pixels; Pillow's integer resampling makes the others, so that every
    machine gets the same bytes. Each is scaled when it is first picked, and kept.

    Args:
        images: (N, H, W) uint8; each has ink.
        labels: (N,) int64, 0 to 9.
        size: longest side of a glyph, in pixels.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, size: int) -> None:
        self.size = size
        self.sources = np.argsort(labels, kind="stable")
        """(N,) int64: place of each glyph among `images`."""
        self.counts = np.bincount(labels, minlength=10)
        """(10,) int64: number of glyphs of each class."""
        self.starts = np.cumsum(self.counts) - self.counts
        """(10,) int64: first glyph of each class."""
        self._images = images
        self._fitted = np.zeros((len(images), size, size), np.uint8)
        self._sides = np.zeros((len(images), 2), np.int64)

    def pick(self, chosen: np.ndarray) -> Picked:
        """The glyphs at the places `chosen` (...) int64."""
        for glyph in np.unique(chosen[self._sides[chosen, 0] == 0]):
            fitted = _fit(self._images[self.sources[glyph]], self.size)
            height, width = fitted.shape
            self._fitted[glyph, :height, :width] = fitted
            self._sides[glyph] = width, height  # last: until then the glyph counts as not made
        return Picked(self._fitted[chosen], self._sides[chosen])


def _fit(image: np.ndarray, size: int) -> np.ndarray:
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
