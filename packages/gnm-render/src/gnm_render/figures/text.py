"""Short texts on figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from PIL import ImageDraw, ImageFont

from gnm_render.figures.palette import Colour


@dataclass(frozen=True)
class Area:
    """A rectangle of a picture, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Area") -> bool:
        """Whether the two share a pixel."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True)
class Place:
    """A point where a corner of a tag goes."""

    x: float
    y: float
    edge: Literal["top", "bottom"]
    """Of the tag, at this point."""
    side: Literal["left", "right"]
    """Of the tag, at this point."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, which needs no files."""
    return ImageFont.load_default(size)


def wrap(text: str, width: float, size: int) -> list[str]:
    """The lines of a text that is `width` pixels wide at most; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def tag(
    draw: ImageDraw.ImageDraw, text: str, places: Iterable[Place], colour: Colour, size: int, taken: list[Area]
) -> None:
    """A text on a patch of colour, inside the picture, at the first place where it covers no other tag.

    Args:
        draw: the picture.
        text: a few letters.
        places: where its corner may be; the first one is taken when all cover something.
        colour: of the patch.
        size: of the letters.
        taken: where there are tags already; this one is added.
    """
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font(size))
    width, height = right - left + 6, bottom - top + 4

    def area(place: Place) -> Area:
        x = place.x if place.side == "left" else place.x - width
        y = place.y if place.edge == "top" else place.y - height
        x, y = min(max(x, 0), draw.im.size[0] - width), min(max(y, 0), draw.im.size[1] - height)
        return Area(x, y, x + width, y + height)

    areas = [area(place) for place in places]
    free = (area for area in areas if not any(area.meets(other) for other in taken))
    here = next(free, areas[0])
    taken.append(here)
    draw.rectangle((here.left, here.top, here.right - 1, here.bottom - 1), fill=colour)
    draw.text((here.left + 3 - left, here.top + 2 - top), text, fill=(0, 0, 0), font=font(size))
