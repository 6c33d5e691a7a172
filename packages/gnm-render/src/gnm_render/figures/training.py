"""The picture that a training draws every so many steps."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch

from gnm_render.figures.abilities import require_pictures
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.sheet import sheet
from gnm_render.figures.views import Views, present


class TrainingFigure(Figure):
    """Input, objects found, reconstruction, that from the scene code alone, objects one by one; beside them samples.

    Columns that the model cannot fill are left out.

    Args:
        rows: pictures of the batch that are shown, at most.
        objects: objects of each that are shown one by one, at most.
        samples: columns of samples.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(1024)] = 6,
        objects: Annotated[int, Ge(0), Le(1024)] = 4,
        samples: Annotated[int, Ge(0), Le(10**6)] = 2,
        cell: Annotated[int, Ge(1), Le(4096)] = 144,
    ) -> None:
        self.rows, self.objects, self.samples, self.cell = rows, objects, samples, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: there are no pictures.
        """
        require_pictures(batch)
        image = batch.image[: self.rows]
        views = Views(model, image, self.cell)
        return sheet(
            present(
                views.inputs(),
                views.boxes(),
                views.reconstructions(),
                views.from_scene(),
                views.layers(self.objects),
                views.background() if self.objects else None,
                views.samples(len(image), self.samples),
            )
        )
