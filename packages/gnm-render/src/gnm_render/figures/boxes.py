"""Boxes drawn on pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gnm_core.results import Objects
from PIL import Image, ImageDraw

from gnm_render.figures.palette import Colour, object_colour
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.tags import Area, Place, Tags


@dataclass(frozen=True)
class Box:
    """One box to draw."""

    corners: tuple[float, float, float, float]
    """(x0, y0, x1, y1) in pixels of the image, before it was enlarged."""
    label: str
    colour: Colour


def boxes_of(objects: Objects, scene: int) -> list[Box]:
    """The boxes of the objects that are there in one scene, labelled with their confidence, the surest last."""
    there = objects.present[scene].nonzero()[:, 0].tolist()
    there.sort(key=lambda i: float(objects.confidence[scene, i]))
    return [
        Box(tuple(objects.boxes[scene, i].tolist()), percent(float(objects.confidence[scene, i])), object_colour(i))
        for i in there
    ]


CONFIDENCE = "% beside a box: how sure the model is that an object is there; not that the box is right."
"""What a label says, and what it does not."""


def percent(confidence: float) -> str:
    """In words that promise no certainty: at most `>99%`."""
    return ">99%" if confidence > 0.99 else f"{100 * confidence:.0f}%"


def draw_boxes(pixels: Pixels, boxes: Sequence[Box], factor: int) -> Pixels:
    """Draw boxes on an image that was enlarged by `factor`; what lies outside the image is cut off."""
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    scaled = [tuple(round(factor * corner) for corner in box.corners) for box in boxes]
    for box, (x0, y0, x1, y1) in zip(boxes, scaled, strict=True):
        draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=box.colour, width=2)
    tags, areas = Tags(draw), [Area(*corners) for corners in scaled]
    for i, (box, (x0, y0, x1, y1)) in enumerate(zip(boxes, scaled, strict=True)):
        places = (
            Place(x0, y0, "bottom", "left"),
            Place(x0, y1, "top", "left"),
            Place(x1, y0, "bottom", "right"),
            Place(x1, y1, "top", "right"),
        )
        tags.put(box.label, places, box.colour, spare=areas[:i] + areas[i + 1 :])
    return np.asarray(picture)
