"""Labels beside boxes, each where it covers no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from gnm_render.figures.palette import FAINT, Colour
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.text import font

SIZE = 12


@dataclass(frozen=True)
class Place:
    """A point where a corner of a tag goes."""

    x: float
    y: float
    edge: Literal["top", "bottom"]
    """Which edge of the tag is at this point."""
    side: Literal["left", "right"]
    """Which side of the tag is at this point."""


@dataclass(frozen=True)
class Area:
    """A rectangle of a picture, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Area") -> bool:
        """Whether the two share a pixel."""
        apart = (
            self.right <= other.left or other.right <= self.left or self.bottom <= other.top or other.bottom <= self.top
        )
        return not apart


class Tags:
    """The tags of one picture.

    Args:
        draw: the picture.
    """

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw
        self._taken: list[Area] = []

    def put(self, text: str, places: Sequence[Place], colour: Colour, spare: Sequence[Area] = ()) -> None:
        """A text on a patch of colour, inside the picture, at the first place where it covers nothing.

        Args:
            text: a few letters.
            places: where it may go; where all cover something, the first that covers no other tag, or the very first.
            colour: of the patch.
            spare: what it should not cover, beside other tags.
        """
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font=font(SIZE))
        areas = [self._area(place, right - left + 6, bottom - top + 4) for place in places]
        apart = [area for area in areas if not any(area.meets(tag) for tag in self._taken)] or areas[:1]
        area = next((area for area in apart if not any(area.meets(other) for other in spare)), apart[0])
        self._taken.append(area)
        self._draw.rectangle((area.left, area.top, area.right - 1, area.bottom - 1), fill=colour)
        self._draw.text((area.left + 3 - left, area.top + 2 - top), text, fill=(0, 0, 0), font=font(SIZE))

    def _area(self, place: Place, width: float, height: float) -> Area:
        x = place.x if place.side == "left" else place.x - width
        y = place.y if place.edge == "top" else place.y - height
        x = min(max(x, 0), self._draw.im.size[0] - width)
        y = min(max(y, 0), self._draw.im.size[1] - height)
        return Area(x, y, x + width, y + height)


def noted(pixels: Pixels, text: str) -> Pixels:
    """The picture with a short text in its lower left corner."""
    picture = Image.fromarray(pixels)
    height = pixels.shape[0]
    Tags(ImageDraw.Draw(picture)).put(text, [Place(0, height, "bottom", "left")], FAINT)
    return np.asarray(picture)
