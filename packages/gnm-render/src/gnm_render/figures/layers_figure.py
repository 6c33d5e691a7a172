"""Pictures taken apart by a model."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch

from gnm_render.figures.abilities import lacking, require_pictures
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.sheet import sheet
from gnm_render.figures.views import Views, present


class LayersFigure(Figure):
    """Input, objects found, every object by itself, background, and all of it together again.

    Args:
        rows: pictures of the batch that are shown, at most.
        objects: objects of each that are shown, at most.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(1024)] = 6,
        objects: Annotated[int, Ge(1), Le(1024)] = 10,
        cell: Annotated[int, Ge(1), Le(4096)] = 144,
    ) -> None:
        self.rows, self.objects, self.cell = rows, objects, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: the model does not take pictures apart, or there are none.
        """
        require_pictures(batch)
        views = Views(model, batch.image[: self.rows], self.cell)
        if views.components is None:
            raise lacking(model, "objects or components one by one")
        return sheet(
            present(
                views.inputs(),
                views.boxes(),
                views.layers(self.objects),
                views.background(),
                views.reconstructions(),
            )
        )
