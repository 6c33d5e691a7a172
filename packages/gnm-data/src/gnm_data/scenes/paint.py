"""From a layout to pixels."""

from dataclasses import dataclass

import numpy as np

from gnm_data.digits.glyphs import Glyphs
from gnm_data.scenes.layout import Layout


@dataclass(frozen=True)
class Painting:
    """B scenes and where each digit's ink is."""

    image: np.ndarray
    """(B, H, W) float32 in [0, 1]."""
    instances: np.ndarray
    """(B, H, W) uint8: i + 1 on the ink of digit i, else 0."""
    boxes: np.ndarray
    """(B, N, 4) float32 = (x0, y0, x1, y1) in pixels, tight on the ink; zeros where there is no digit."""


def paint(size: int, layout: Layout, glyphs: Glyphs, chosen: np.ndarray) -> Painting:
    """Put one glyph in the middle of each square; squares must not overlap.

    A glyph that cannot stand in the very middle leans to the nearer edge of the image, so that squares
    that mirror each other hold glyphs that do.

    Args:
        size: side of the images, in pixels.
        layout: where the squares are.
        glyphs: what is put there; as large as the squares.
        chosen: (B, N) int64, the glyph of each square; ignored where the layout has none.
    """
    picked = glyphs.pick(chosen)
    far = 2 * layout.corners + glyphs.size > size
    starts = layout.corners + (glyphs.size - picked.sides + far) // 2
    boxes = np.concatenate([starts, starts + picked.sides], -1)
    boxes[layout.labels < 0] = 0

    ink, instances = np.zeros((2, len(boxes), size, size), np.uint8)
    for scene, places in enumerate(boxes.tolist()):
        for place, (x0, y0, x1, y1) in enumerate(places):
            if x1:
                ink[scene, y0:y1, x0:x1] = picked.images[scene, place, : y1 - y0, : x1 - x0]
                instances[scene, y0:y1, x0:x1] = place + 1
    instances *= ink > 0
    return Painting(np.divide(ink, np.float32(255), dtype=np.float32), instances, boxes.astype(np.float32))
