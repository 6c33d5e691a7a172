"""Colours that tell objects apart, on dark pictures and on light ones."""

from PIL import ImageColor

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

OBJECTS = tuple(
    ImageColor.getrgb(name)[:3]
    for name in (
        "#4a9eff",  # blue
        "#ff9a1f",  # orange
        "#2fc97f",  # green
        "#ff5c93",  # pink
        "#ad86ff",  # violet
        "#f2cc0c",  # yellow
        "#16c5bd",  # teal
        "#ff5a3c",  # red
        "#93d94e",  # lime
        "#c48a5a",  # brown
    )
)
PAPER: Colour = (255, 255, 255)
INK: Colour = (28, 32, 40)
FAINT: Colour = (190, 195, 204)
NOTHING: Colour = (58, 63, 74)
"""Where a layer lets through what lies behind it."""


def object_colour(index: int) -> Colour:
    """The colour of object `index`, the same in every picture."""
    red, green, blue = OBJECTS[index % len(OBJECTS)]
    return red, green, blue
