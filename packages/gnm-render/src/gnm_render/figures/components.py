"""Pictures taken apart, with the share that each component has of every pixel."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Figure, Model
from gnm_core.results import Batch, Components, Truth
from torch import Tensor

from gnm_render.figures.abilities import lacking, require_pictures
from gnm_render.figures.layers import VISIBLE, framed
from gnm_render.figures.palette import NOTHING, object_colour
from gnm_render.figures.pixels import Pixels, enlarge, enlargement, to_cells, to_pixels
from gnm_render.figures.sheet import Group, sheet


class ComponentsFigure(Figure):
    """What each component of a picture looks like by itself, its mask, and the segments that they make.

    Components that have next to no share of a picture are left out. The segments are those of all others, however many
    stand one by one. Where the data set knows which pixel belongs to which object, the true segmentation stands beside
    the model's.

    Args:
        rows: pictures of the batch that are shown, at most.
        components: components of each that stand one by one, at most, those with the largest masks.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(1024)] = 4,
        components: Annotated[int, Ge(1), Le(1024)] = 10,
        cell: Annotated[int, Ge(1), Le(4096)] = 112,
    ) -> None:
        self.rows, self.components, self.cell = rows, components, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB; two rows a picture, the components above, their masks below.

        Raises:
            FigureError: the model does not take pictures apart, or there are none.
        """
        require_pictures(batch)
        image = batch.image[: self.rows]
        parts = model.components(image)
        if parts is None:
            raise lacking(model, "components, with masks")
        factor = enlargement(model.dims.size, self.cell)
        inputs, made = to_cells(image, factor), to_cells(model.reconstruct(image).image, factor)
        visible = [_visible(parts, i) for i in range(len(image))]
        truth = _true_segments(batch.truth, len(image), factor)
        found = [_segments(parts, i, seen, factor) for i, seen in enumerate(visible)]
        apart = [self._one_by_one(parts, i, seen, factor) for i, seen in enumerate(visible)]
        most = max(1, *(len(row) for row in apart))
        columns = [[cell for row in apart for cell in (row[k] if k < len(row) else (None, None))] for k in range(most)]
        left_out = max(map(len, visible)) > most
        return sheet(
            [
                Group("input" + (", true segments" if truth else ""), [_woven(inputs, truth)]),
                Group("reconstruction, segments found", [_woven(made, found)]),
                Group(
                    "components one by one"
                    + (f" (the {most} with the largest masks)" if left_out else "")
                    + ", with their masks below",
                    columns,
                ),
            ]
        )

    def _one_by_one(
        self, parts: Components, scene: int, visible: list[int], factor: int
    ) -> list[tuple[Pixels, Pixels]]:
        """Picture and mask of the largest components of one scene, framed in the colours of their segments."""
        coverage = parts.masks[scene].flatten(1).mean(1)
        largest = sorted(visible, key=lambda k: -float(coverage[k]))[: self.components]
        return [
            (
                framed(enlarge(to_pixels(parts.images[scene, k]), factor), object_colour(i)),
                framed(enlarge(to_pixels(parts.masks[scene, k]), factor), object_colour(i)),
            )
            for i, k in enumerate(visible)
            if k in largest
        ]


def _visible(parts: Components, scene: int) -> list[int]:
    """The components that have a share of one scene, in their order."""
    largest_share = parts.masks[scene].flatten(1).amax(1)
    return [k for k, share in enumerate(largest_share.tolist()) if share > VISIBLE]


def _woven(above: list[Pixels], below: list[Pixels] | None) -> list[Pixels | None]:
    """One above the other, picture after picture."""
    return [cell for i, upper in enumerate(above) for cell in (upper, below[i] if below else None)]


def _segments(parts: Components, scene: int, visible: list[int], factor: int) -> Pixels:
    """Every pixel in the colour of the component that shows most in it; plain where none does."""
    shares = parts.visible[scene, :, 0]
    nothing = torch.full_like(shares[0], VISIBLE)
    return _coloured(torch.stack([nothing, *(shares[k] for k in visible)]).argmax(0), factor)


def _true_segments(truth: Truth | None, count: int, factor: int) -> list[Pixels] | None:
    if truth is None or truth.instances is None:
        return None
    return [_coloured(instances.long(), factor) for instances in truth.instances[:count]]


def _coloured(segments: Tensor, factor: int) -> Pixels:
    """(H, W) of 0 for nothing, k for the k-th colour → a picture."""
    colours = torch.tensor([NOTHING, *(object_colour(k) for k in range(int(segments.max())))], dtype=torch.uint8)
    return enlarge(colours[segments.cpu()].numpy(), factor)
