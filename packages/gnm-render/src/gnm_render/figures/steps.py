"""Samples in the making: the scene after each drawing step."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from gnm_core.contracts import Core
from gnm_core.results import Drawing, Scene
from torch import Tensor

from gnm_render.figures.pixels import Pixels, enlarge, enlargement, to_pixels
from gnm_render.figures.sheet import Group, sheet


@runtime_checkable
class DrawsInSteps(Protocol):
    """What a model offers that draws its scene code step by step."""

    core: Core

    def scene_of(self, drawing: Drawing) -> Scene:
        """The scene that a drawing describes."""


@torch.no_grad()
def scenes_in_steps(model: DrawsInSteps, n: int) -> list[Scene]:
    """`n` samples as they stand after each step; at the last, those of `model.sample(n)` from the same random state."""
    drawing = model.core.generate(n)
    return [model.scene_of(replace(drawing, feature_map=canvas)) for canvas in drawing.canvases]


def steps_sheet(steps: Sequence[Tensor], cell: int) -> Pixels:
    """One (N, C, H, W) a drawing step → one row a sample, one column a step."""
    factor = enlargement(steps[0].shape[-1], cell)
    return sheet(
        [
            Group(f"after step {step}", [[enlarge(to_pixels(image), factor) for image in images]])
            for step, images in enumerate(steps, start=1)
        ]
    )
