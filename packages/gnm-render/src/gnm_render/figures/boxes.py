"""Boxes drawn on pictures."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from gnm_core.results import Objects
from PIL import Image, ImageDraw

from gnm_render.figures.palette import Colour, object_colour
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.text import Area, Place, tag


@dataclass(frozen=True)
class Box:
    """One box to draw."""

    corners: tuple[float, float, float, float]
    """(x0, y0, x1, y1) in pixels of the image, before it was enlarged."""
    label: str
    colour: Colour


def boxes_of(objects: Objects, scene: int) -> list[Box]:
    """The boxes of the objects that are there in one scene, labelled with their confidence, the surest last."""
    found = [(float(objects.confidence[scene, i]), i) for i in objects.present[scene].nonzero()[:, 0].tolist()]
    return [
        Box(tuple(objects.boxes[scene, i].tolist()), f"{100 * sure:.0f}%", object_colour(i))
        for sure, i in sorted(found)
    ]


def draw_boxes(pixels: Pixels, boxes: Iterable[Box], factor: int) -> Pixels:
    """Draw boxes on an image that was enlarged by `factor`; what lies outside the image is cut off."""
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    boxes = list(boxes)
    for box in boxes:
        x0, y0, x1, y1 = (round(factor * corner) for corner in box.corners)
        draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=box.colour, width=2)
    tags: list[Area] = []
    for box in boxes:
        x0, y0, x1, y1 = (factor * corner for corner in box.corners)
        places = (
            Place(x0, y0, "bottom", "left"),
            Place(x0, y1, "top", "left"),
            Place(x1, y0, "bottom", "right"),
            Place(x1, y1, "top", "right"),
        )
        tag(draw, box.label, places, box.colour, size=12, taken=tags)
    return np.asarray(picture)
