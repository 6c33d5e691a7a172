"""Scenes taken apart: one picture for each object."""

import re
from dataclasses import dataclass

import torch
from gnm_core.results import Components, Objects
from torch import Tensor

from gnm_render.figures.palette import NOTHING, Colour, object_colour
from gnm_render.figures.pixels import Pixels, to_pixels

VISIBLE = 0.05
"""A component whose share never exceeds this is left out."""


@dataclass(frozen=True)
class Layer:
    """One component of one scene."""

    pixels: Pixels
    """On a plain ground where it lets through what lies behind it."""
    colour: Colour | None
    """The colour of its object's box; None for components that are no objects."""
    confidence: float
    """That of its object; the component's largest share of a pixel where there are no objects."""


def layers_of(components: Components, objects: Objects | None, scene: int) -> list[Layer]:
    """The components that can be seen in one scene, in their order.

    A component named `object 3` belongs to the third of the model's objects.
    """
    layers = []
    for k, name in enumerate(components.names):
        image, mask = components.images[scene, k], components.masks[scene, k]
        most = float(mask.max())
        if most <= VISIBLE:
            continue
        pixels = on_plain_ground(image, mask)
        number = object_number(name)
        if number is None or objects is None:
            layers.append(Layer(pixels, None, most))
            continue
        index = number - 1
        if objects.present[scene, index]:
            layers.append(Layer(pixels, object_colour(index), float(objects.confidence[scene, index])))
    return layers


def object_number(name: str) -> int | None:
    """The number, from 1, of the object that a component shows; None for components that are no single object."""
    numbered = re.fullmatch(r"object ([1-9]\d*)", name)
    return int(numbered[1]) if numbered else None


def surest(layers: list[Layer], most: int) -> list[Layer]:
    """At most `most` of them, those with the least confidence left out, the others in their order."""
    kept = sorted(range(len(layers)), key=lambda i: -layers[i].confidence)[:most]
    return [layers[i] for i in sorted(kept)]


def on_plain_ground(image: Tensor, mask: Tensor) -> Pixels:
    """(C, H, W) and (1, H, W) → the image where the mask is, a plain colour where it is not."""
    colour = image if image.shape[0] == 3 else image.mean(0, keepdim=True).expand(3, -1, -1)
    ground = torch.tensor(NOTHING, dtype=colour.dtype, device=colour.device)[:, None, None] / 255
    return to_pixels(mask * colour + (1 - mask) * ground)


def framed(pixels: Pixels, colour: Colour | None, width: int = 3) -> Pixels:
    """The picture with a border of that colour inside its edge."""
    if colour is None:
        return pixels
    framed = pixels.copy()
    for edge in (framed[:width], framed[-width:], framed[:, :width], framed[:, -width:]):
        edge[...] = colour
    return framed
