"""A scene being drawn."""

from dataclasses import replace
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch

from gnm_render.figures.abilities import DrawsInSteps, lacking, require_pictures
from gnm_render.figures.pixels import Pixels, enlargement, to_cells
from gnm_render.figures.sheet import Group, sheet
from gnm_render.figures.steps import scenes_in_steps, scenes_of_steps, steps_columns


class DrawingStepsFigure(Figure):
    """The scene after 1, 2, ... L drawing steps: pictures drawn again from their scene code, and samples.

    Args:
        rows: pictures and samples that are shown, at most.
        source: where the scene code comes from: the pictures, the prior, or one beside the other.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(1024)] = 6,
        source: Literal["both", "pictures", "prior"] = "both",
        cell: Annotated[int, Ge(1), Le(4096)] = 112,
    ) -> None:
        self.rows, self.source, self.cell = rows, source, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: the model does not draw in steps, or there are no pictures and they are asked for.
        """
        if not isinstance(model, DrawsInSteps):
            raise lacking(model, "a scene code that is drawn step by step")
        factor = enlargement(model.dims.size, self.cell)
        image, groups = batch.image[: self.rows], []
        if self.source == "pictures":
            require_pictures(batch)
        if self.source != "prior" and len(image) > 0:
            drawing = model.draw(image)
            scenes = scenes_of_steps(model, drawing)
            groups = [Group("input", [to_cells(image, factor)])]
            groups += steps_columns([scene.image for scene in scenes], factor)
        if self.source != "pictures":
            scenes = scenes_in_steps(model, self.rows if self.source == "prior" or not groups else len(image))
            generated = steps_columns([scene.image for scene in scenes], factor, "generated, step")
            groups += [replace(generated[0], apart=bool(groups)), *generated[1:]]
        return sheet(groups)
