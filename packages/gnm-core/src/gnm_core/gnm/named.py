"""From symbols to a scene with named objects."""

from dataclasses import replace
from typing import Literal

from einops import rearrange
from torch import Tensor

from gnm_core.contracts import Renderer
from gnm_core.gnm.where import to_pixels
from gnm_core.latents import SymbolicDistribution, SymbolicLatents
from gnm_core.layers.boxes import tight_boxes
from gnm_core.results import Components, Objects

Boxes = Literal["where", "shape"]
"""What the boxes of named objects are: z^where's own, or tight about what is painted in each."""


def named_objects(
    latents: SymbolicLatents, distribution: SymbolicDistribution, boxes: Boxes, renderer: Renderer, size: int
) -> Objects:
    """Box, confidence and code of every cell (N = G * G).

    Args:
        latents: z^s.
        distribution: what it is from.
        boxes: which boxes.
        renderer: paints the shapes.
        size: of the image, in pixels.
    """

    def rows(x: Tensor) -> Tensor:
        return rearrange(x, "b h w d -> b (h w) d")

    found = rows(to_pixels(latents.where, size))
    if boxes == "shape":
        layers = renderer.layers(latents)
        shapes = layers.masks if renderer.masks else layers.images.amax(2, keepdim=True)
        found = tight_boxes(shapes.squeeze(2), found)
    return Objects(
        boxes=found,
        confidence=rows(distribution.presence.logits.sigmoid()).squeeze(-1),
        present=rows(latents.presence).squeeze(-1) > 0.5,
        what=rows(latents.what),
        depth=rows(latents.depth).squeeze(-1),
    )


def components_of(latents: SymbolicLatents, renderer: Renderer) -> Components:
    """Every cell's object on its own canvas, and what can be seen of it among the others.

    Without masks an object shows where it shines.
    """
    layers = renderer.layers(latents)
    if not renderer.masks:
        return replace(layers, shares=layers.masks * layers.images.amax(2, keepdim=True))
    priority = rearrange(latents.depth, "b h w 1 -> b (h w) 1 1 1").neg().sigmoid()
    weights = layers.masks * priority
    return replace(layers, shares=layers.masks * weights / weights.sum(1, keepdim=True).clamp(min=1e-15))
