"""How large objects are, by red frames that somebody has drawn around a few of them in a copy of a picture."""

from importlib import import_module
from pathlib import Path
from statistics import median

import numpy as np

from gnm_core.errors import DataError
from gnm_core.parts.data.picture import read_whole
from gnm_core.starting.folder_look import FolderLook
from gnm_core.starting.recipe import ObjectSize

REDDEST, OTHERS = 230, 40
"""A frame's pixel has at least so much red, of 255, and at most so much of the others: paint programs differ."""
SPECK = 3
"""What red encloses with fewer pixels along a side is no frame."""
ALIKE = 0.02
"""Shares of width to height that differ by no more, of 1, are one."""


def framed_size(example: Path, look: FolderLook) -> ObjectSize:
    """The usual side of an object by the frames in an example, in pixels of the pictures looked at.

    Args:
        example: a copy of one of the pictures, of any size but whole, with a red frame around an object or several.
        look: what the folder of pictures is like.

    Raises:
        DataError: it cannot be read, lies among the pictures, is not of their shape, or has no closed frame.
    """
    if example.resolve().is_relative_to(look.folder.resolve()):
        raise DataError(f"{example}: lies among the pictures, and its frame would be learned too; put it elsewhere")
    picture = read_whole(example)
    height, width, _ = picture.shape
    if not any(abs(width / height * h / w - 1) <= ALIKE for w, h in look.sizes):
        sizes = ", ".join(f"{w} x {h}" for w, h in look.sizes[:5])
        raise DataError(
            f"{example}: {width} x {height} px, and the pictures are {sizes}: draw the frame into a copy of one of "
            "them, and do not cut it"
        )
    frames = frame_insides(picture)
    if not frames:
        raise DataError(
            f"{example}: no closed red frame; draw a rectangle around an object, in red (#ff0000) and without a gap, "
            "at the picture's edge too, and save it as PNG: JPEG blurs thin lines"
        )
    scale = look.shorter / min(width, height)
    side = median(float(np.sqrt(w * h)) for w, h in frames) * scale
    what = f"{frames[0][0]} x {frames[0][1]} px" if len(frames) == 1 else f"the median of {len(frames)} frames"
    return ObjectSize(round(side, 1), f"drawn in {example.name}, {what}", guessed=False)


def frame_insides(picture: np.ndarray) -> list[tuple[int, int]]:
    """(H, W, 3) uint8 → (width, height) of whatever red lines enclose, in pixels.

    Raises:
        DataError: scipy is not installed.
    """
    try:
        image = import_module("scipy.ndimage")
    except ImportError as error:
        raise DataError("frames need scipy: pip install 'gnm-core[evaluate]'; or say --object-size") from error
    red = (picture[..., 0] >= REDDEST) & (picture[..., 1:] <= OTHERS).all(-1)
    regions, _ = image.label(~np.pad(red, 1))  # four ways: a line that steps from corner to corner is closed
    outside = regions[0, 0]
    sizes = [(x.stop - x.start, y.stop - y.start) for y, x in image.find_objects(regions)]
    return [size for label, size in enumerate(sizes, 1) if label != outside and min(size) >= SPECK]
