"""What a reader of annotations returns, whatever the format."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gnm_core.parts.data.annotations.masks import Mask

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1."""


@dataclass(frozen=True)
class Noted:
    """One object, as a file notes it."""

    place: str
    """Where it stands: `boxes.csv, line 7`."""
    picture: str
    """Path of the picture under the folder."""
    label: str
    """Name of its class."""
    box: Box
    shares: bool = False
    """The box is in shares of the picture's sides instead of pixels."""
    mask: Mask | None = None
    stated: tuple[int, int] | None = None
    """Width and height of the picture that it was noted in, where the file says."""


@dataclass
class Notes:
    """What one source says, as far as it can be read."""

    classes: tuple[str, ...] = ()
    """Names, in the source's order."""
    pictures: dict[str, str] = field(default_factory=dict)
    """Path of each picture that it names to the place where it does."""
    objects: list[Noted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What is wrong, each with its place."""
    whole: bool = False
    """It names every picture that it knows; without, a picture that it does not name has no objects."""
    under: str = ""
    """It is about the pictures whose path begins so."""


def sound_box(values: Sequence[float]) -> Box:
    """(x0, y0, x1, y1) as a box.

    Raises:
        ValueError: it is not finite, or has no area; the text says so.
    """
    x0, y0, x1, y1 = values
    if not np.isfinite(values).all():
        raise ValueError("the box is not finite")
    if not (x1 > x0 and y1 > y0):
        raise ValueError(f"a box of {x1 - x0:g} x {y1 - y0:g}: it has no area")
    return float(x0), float(y0), float(x1), float(y1)
