"""Samples in the making: the scene after each drawing step."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from gnm_core.results import Drawing, Scene
from torch import Tensor

from gnm_render.figures.abilities import DrawsInSteps
from gnm_render.figures.pixels import Pixels, enlargement, to_cells
from gnm_render.figures.sheet import Group, sheet


@torch.no_grad()
def scenes_in_steps(model: DrawsInSteps, n: int) -> list[Scene]:
    """`n` samples as they stand after each step; at the last, those of `model.sample(n)` from the same random state."""
    return scenes_of_steps(model, model.core.generate(n))


@torch.no_grad()
def scenes_of_steps(model: DrawsInSteps, drawing: Drawing) -> list[Scene]:
    """What a drawing describes after each of its steps."""
    return [model.scene_of(replace(drawing, feature_map=canvas)) for canvas in drawing.canvases]


def steps_sheet(steps: Sequence[Tensor], cell: int) -> Pixels:
    """One (N, C, H, W) a drawing step → one row a sample, one column a step."""
    factor = enlargement(steps[0].shape[-1], cell)
    return sheet(steps_columns(steps, factor))


def steps_columns(steps: Sequence[Tensor], factor: int, words: str = "after step") -> list[Group]:
    """One (N, C, H, W) a drawing step → one column a step, headed by `words` and the step's number."""
    return [Group(f"{words} {step}", [to_cells(images, factor)]) for step, images in enumerate(steps, start=1)]
