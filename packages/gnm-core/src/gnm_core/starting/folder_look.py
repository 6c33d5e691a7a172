"""What is in a folder of pictures: how many, how large, grey or in colour, on which ground."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.parts.data.folder import survey
from gnm_core.parts.data.formats import opened
from gnm_core.parts.data.picture import read_picture

MOST = 1000
"""Pictures that are read to learn what all are like; of more, every k-th."""
NAMED = 50
"""Unreadable files that are named, at most."""
SIDE = 64
"""Side that examples are fitted to, in pixels."""
COLOURFUL = 8
"""Channels that differ by more than this, of 255, make a colour."""
TINY = 8
"""Pixels along the shorter side of most pictures, below which nothing can be found in them."""
BLACK, MOSTLY = 16, 0.6
"""A pixel up to this, of 255, is black; a picture with a larger share of them is on black."""


@dataclass(frozen=True)
class FolderLook:
    """What a folder of pictures is like."""

    folder: Path
    count: int
    """Pictures by their endings."""
    read: int
    """How many of them were read."""
    unreadable: tuple[str, ...]
    """Why others, of those that were tried, could not be; each names its file."""
    sizes: tuple[tuple[int, int], ...]
    """(width, height) of those read, without repetition, the most frequent first."""
    colour: bool
    """Whether any is in colour."""
    transparent: int
    """How many have transparent pixels."""
    on_black: bool
    """Whether nearly all are mostly black."""
    examples: np.ndarray
    """(N, C, 64, 64) uint8."""
    left_out: str | None
    """Files that are no pictures, in words."""

    @property
    def shorter(self) -> int:
        """The shorter side of the most frequent size: what a model's square shows of a picture."""
        return min(self.sizes[0])

    def lines(self) -> list[str]:
        """In words, a line each."""
        few = ", ".join(f"{width} x {height}" for width, height in self.sizes[:3])
        size = f"{few}{f' and {len(self.sizes) - 3:,} other sizes' if len(self.sizes) > 3 else ''} px"
        kind = "in colour" if self.colour else "grey"
        ground = "mostly black" if self.on_black else "with a ground of their own"
        tried = self.read + len(self.unreadable)
        some = "" if tried == self.count else f" ({tried:,} of them looked at)"
        told = [f"{self.folder}: {self.count:,} pictures{some}, {size}, {kind}, {ground}"]
        if self.shorter < SIDE:
            told.append(
                f"smaller than the model's square of {SIDE} px, and enlarged to it: they gain no detail by that"
            )
        if self.left_out:
            told.append(self.left_out)
        if self.transparent:
            told.append(f"{self.transparent:,} are transparent in part, which counts as black (data.background)")
        if self.unreadable:
            told.append(f"{len(self.unreadable):,} cannot be read and are left out:")
            told += [f"    {problem}" for problem in self.unreadable[:NAMED]]
            if len(self.unreadable) > NAMED:
                told.append(f"    and {len(self.unreadable) - NAMED:,} more, which gnm data check names")
        return told


def look(folder: Path) -> FolderLook:
    """Read pictures of a folder, at any depth.

    Raises:
        DataError: it is no folder, has no pictures, none of them can be read, or most are tiny.
    """
    found = survey(folder)
    step = -(-len(found.pictures) // MOST)
    sizes: Counter[tuple[int, int]] = Counter()
    examples, problems, transparent = [], [], 0
    for path in [folder / name for name in found.pictures[::step]]:
        try:
            picture = read_picture(path, Dims(channels=3, size=SIDE))
        except DataError as error:
            problems.append(str(error))
            continue
        sizes[picture.width, picture.height] += 1
        examples.append(picture.pixels)
        transparent += _is_transparent(path)
    if sizes and (shorter := min(sizes.most_common(1)[0][0])) < TINY:
        raise DataError(
            f"{folder}: most pictures are {shorter} px high or wide; objects are looked for from {TINY} px on"
        )
    if not examples:
        raise DataError("\n    ".join([f"{folder}: none of its pictures can be read:", *problems[:20]]))
    pixels = np.stack(examples)
    colour = bool((pixels.max(1).astype(int) - pixels.min(1) > COLOURFUL).mean() > 0.001)
    black = (pixels.max(1) <= BLACK).mean((1, 2)) > MOSTLY
    return FolderLook(
        folder=folder,
        count=len(found.pictures),
        read=len(examples),
        unreadable=tuple(problems),
        sizes=tuple(size for size, _ in sizes.most_common()),
        colour=colour,
        transparent=transparent,
        on_black=bool(black.mean() > 0.9),
        examples=pixels if colour else pixels[:, :1],
        left_out=found.left_out(),
    )


def _is_transparent(path: Path) -> bool:
    with opened(path) as image:
        return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
