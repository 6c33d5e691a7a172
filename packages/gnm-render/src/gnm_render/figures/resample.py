"""Symbols sampled again below a scene code that stays (supplement, Figures 5 and 6)."""

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from einops import repeat
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch, Scene
from torch import Tensor

from gnm_render.figures.abilities import generator_of, lacking, require_pictures
from gnm_render.figures.pixels import Pixels, enlargement, to_cells
from gnm_render.figures.sheet import Group, sheet


class ResampleFigure(Figure):
    """z^s sampled again and again while z^g stays: that of a picture, and one generated from the prior.

    Every row has one scene code. What its samples share is what the code says; what differs, it leaves open.

    Args:
        rows: scene codes of either kind that are shown, at most.
        samples: samples of each.
        source: where the scene codes come from: the pictures (Figure 5), the prior (Figure 6), or both.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(1024)] = 6,
        samples: Annotated[int, Ge(1), Le(10**6)] = 4,
        source: Literal["both", "pictures", "prior"] = "both",
        cell: Annotated[int, Ge(1), Le(4096)] = 128,
    ) -> None:
        self.rows, self.samples, self.source, self.cell = rows, samples, source, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: the model has no symbols below a scene code, or there are no pictures and they are asked for.
        """
        generate = generator_of(model)
        if generate is None:
            raise lacking(model, "symbols below a scene code, to be sampled while the code stays")
        factor = enlargement(model.dims.size, self.cell)
        image, groups = batch.image[: self.rows], []
        if self.source == "pictures":
            require_pictures(batch)
        if self.source != "prior" and len(image) > 0:
            code = model.reconstruct(image).code
            assert code is not None
            groups = [Group("input", [to_cells(image, factor)]), *self._groups(generate, code, factor)]
        if self.source != "pictures":
            code = model.sample(self.rows if self.source == "prior" or not groups else len(image)).code
            assert code is not None
            mode, samples = self._groups(generate, code, factor)
            groups += [Group("z^g generated: its mode", mode.columns, apart=bool(groups)), samples]
        return sheet(groups)

    def _groups(self, generate: Callable[..., Scene], code: Tensor, factor: int) -> tuple[Group, Group]:
        mode = generate(len(code), code).image
        again = repeat(code, "b l s -> (b n) l s", n=self.samples)
        cells = to_cells(generate(len(again), again, symbols="sample").image, factor)
        return (
            Group("z^g inferred: its mode", [to_cells(mode, factor)]),
            Group("z^s sampled again, z^g as it is", [cells[i :: self.samples] for i in range(self.samples)]),
        )
