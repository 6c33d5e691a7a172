"""From one scene to another through their codes."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch
from torch import Tensor

from gnm_render.figures.abilities import DecodesCodes, lacking, require_pictures
from gnm_render.figures.pixels import Pixels, enlargement, to_cells
from gnm_render.figures.sheet import Group, sheet


class InterpolationFigure(Figure):
    """Scenes on the straight line between the codes of two: two pictures, or two samples.

    Args:
        rows: pairs that are shown, at most: the first picture and the second, the third and the fourth, and so on.
        steps: scenes of each, both ends included.
        source: what lies at the ends: pictures, or samples from the prior.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(1024)] = 4,
        steps: Annotated[int, Ge(2), Le(1024)] = 8,
        source: Literal["pictures", "prior"] = "pictures",
        cell: Annotated[int, Ge(1), Le(4096)] = 128,
    ) -> None:
        self.rows, self.steps, self.source, self.cell = rows, steps, source, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: the model has no code of the whole scene, or there are fewer than two pictures.
        """
        if not isinstance(model, DecodesCodes):
            raise lacking(model, "a code of the whole scene")
        if self.source == "pictures":
            require_pictures(batch, least=2)
            image = batch.image[: min(2 * self.rows, len(batch.image) // 2 * 2)]
            code = model.reconstruct(image).code
        else:
            code = model.sample(2 * self.rows).code
        if code is None:
            raise lacking(model, "a code of the whole scene")
        factor = enlargement(model.dims.size, self.cell)
        columns = [Group(f"{share:.0%}", [to_cells(scene, factor)]) for share, scene in self._scenes(model, code)]
        if self.source == "prior":
            return sheet(columns)
        ends = [Group("input", [to_cells(image[i::2], factor)]) for i in (0, 1)]
        return sheet([ends[0], *columns, ends[1]])

    def _scenes(self, model: DecodesCodes, code: Tensor) -> list[tuple[float, Tensor]]:
        shares = torch.linspace(0, 1, self.steps, device=code.device)
        between = torch.stack([code[0::2].lerp(code[1::2], float(share)) for share in shares])
        images = model.decode(rearrange(between, "n b l s -> (n b) l s")).image
        return list(zip(shares.tolist(), rearrange(images, "(n b) c h w -> n b c h w", n=self.steps), strict=True))
