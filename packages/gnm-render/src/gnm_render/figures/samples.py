"""A grid of samples."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch
from torch import Tensor

from gnm_render.figures.pixels import Pixels, enlargement, to_cells
from gnm_render.figures.sheet import Group, sheet


class SamplesFigure(Figure):
    """Samples of the model, side by side.

    The batch is not looked at.

    Args:
        count: number of samples.
        columns: samples in a row.
        cell: least side of a sample, in pixels.
    """

    def __init__(
        self,
        *,
        count: Annotated[int, Ge(1), Le(10**6)] = 50,
        columns: Annotated[int, Ge(1), Le(1024)] = 10,
        cell: Annotated[int, Ge(1), Le(4096)] = 128,
    ) -> None:
        self.count, self.columns, self.cell = count, columns, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB."""
        return contact_sheet(model.sample(self.count).image, self.columns, self.cell)


def contact_sheet(images: Tensor, columns: int, cell: int) -> Pixels:
    """(N, C, H, W) → the images in rows of `columns`, each enlarged by a whole factor to `cell` pixels at least."""
    factor = enlargement(images.shape[-1], cell)
    cells = to_cells(images, factor)
    return sheet([Group("", [cells[i::columns] for i in range(min(columns, len(cells)))])])
