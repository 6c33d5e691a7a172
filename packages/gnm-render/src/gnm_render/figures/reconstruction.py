"""Pictures and what a model makes of them."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch

from gnm_render.figures.abilities import require_pictures
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.sheet import sheet
from gnm_render.figures.views import Views, present


class ReconstructionFigure(Figure):
    """Input, objects found, reconstruction, reconstruction from the scene code alone.

    Args:
        rows: pictures of the batch that are shown, at most.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self, *, rows: Annotated[int, Ge(1), Le(1024)] = 8, cell: Annotated[int, Ge(1), Le(4096)] = 144
    ) -> None:
        self.rows, self.cell = rows, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: there are no pictures.
        """
        require_pictures(batch)
        views = Views(model, batch.image[: self.rows], self.cell)
        return sheet(present(views.inputs(), views.boxes(), views.reconstructions(), views.from_scene()))
