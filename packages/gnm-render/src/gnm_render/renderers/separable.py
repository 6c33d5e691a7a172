"""The fast renderer: a spatial transformer with axis-aligned boxes is two small matrix products."""

from typing import Annotated

import torch
from einops import rearrange
from gnm_core import kernels
from gnm_core.contracts import BackgroundDecoder, Default, GlimpseDecoder
from gnm_core.dims import Dims
from torch import Tensor

from gnm_render.renderers.base import Cells, Foreground, Glimpses, ObjectRenderer
from gnm_render.renderers.bilinear import bilinear_weights
from gnm_render.renderers.occlusion import apply_mask, weigh_by_occlusion
from gnm_render.renderers.windows import Sorted, Windows, add_windows, sort_by_window


class SeparableRenderer(ObjectRenderer):
    """The same function as `stn`: output = W_y glimpse W_x^T, with the bilinear weights of each axis as matrices.

    Without masks, the sum over objects folds into the products, and no object ever gets a canvas; with masks, whose
    weights multiply pixel by pixel, each gets a window just larger than its box.

    Args:
        dims: `size`, `channels`.
        glimpse: decoder of z^what; decides whether there are masks.
        background: decoder of z^b; None paints on black.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        glimpse: Annotated[GlimpseDecoder, Default("subpixel")],
        background: BackgroundDecoder | None = None,
    ) -> None:
        super().__init__(dims, glimpse=glimpse, background=background)

    def place(self, glimpses: Tensor, where: Tensor) -> Tensor:
        """(B, N, c, s, s) and (B, N, 4) → (B, N, c, H, W)."""
        side, dtype = glimpses.shape[-1], glimpses.dtype
        columns = bilinear_weights(where[..., 0], where[..., 2], side, self.size, dtype=dtype)
        rows = bilinear_weights(where[..., 1], where[..., 3], side, self.size, dtype=dtype)
        return rows[:, :, None] @ (glimpses @ rearrange(columns, "b n x q -> b n 1 q x"))

    def paint(self, glimpses: Glimpses) -> Foreground:
        """Place every object and sum them up."""
        if not glimpses.masks:
            return Foreground(self._sum(glimpses.presence * glimpses.appearance, glimpses.where), None)
        by_window = self._by_window(glimpses.where)
        given = (glimpses.decoded, glimpses.presence, glimpses.depth, glimpses.where)
        decoded, presence, depth, where = (rearrange(x, "b n ... -> 1 (b n) ...")[:, by_window.order] for x in given)
        glimpses_sorted = Glimpses(decoded, True, presence, depth, where)
        return self._compose(glimpses_sorted, by_window.windows, len(glimpses.where))

    def paint_all(self, cells: Cells, box_mask: float | None) -> Foreground:
        """Decode the objects of all scenes and paint them."""
        made: Foreground | None = kernels.run("paint-objects", self, cells, box_mask)
        return super().paint_all(cells, box_mask) if made is None else made

    def paint_cells(self, cells: Cells, box_mask: float | None) -> Foreground:
        """Decode a few scenes' objects and paint them; with masks they are sorted before anything large is made."""
        if not self.masks:
            return super().paint_cells(cells, box_mask)
        by_window = self._by_window(cells.where)
        objects = Cells(*(rearrange(x, "b n d -> 1 (b n) d")[:, by_window.order] for x in cells.fields()))
        return self._compose(self.decode(objects, box_mask), by_window.windows, len(cells.where))

    def _by_window(self, where: Tensor) -> Sorted:
        """(B, N, 4) → the B * N objects in the order of their windows' sides."""
        scene = torch.arange(len(where), device=where.device).repeat_interleave(where.shape[1])
        return sort_by_window(rearrange(where, "b n d -> (b n) d"), scene, self.size, self.glimpse.size)

    def _sum(self, glimpses: Tensor, where: Tensor) -> Tensor:
        """(B, N, c, s, s) and (B, N, 4) → (B, c, H, W): the sum of all placed glimpses, without placing any."""
        channels, side = glimpses.shape[2:4]
        dtype = glimpses.dtype
        columns = bilinear_weights(where[..., 0], where[..., 2], side, self.size, dtype=dtype)
        by_row = rearrange(where, "b n d -> d b 1 n").expand(-1, -1, self.size, -1)
        first = torch.arange(self.size, device=where.device)[:, None].expand(by_row.shape[1:])
        rows = bilinear_weights(by_row[1], by_row[3], side, self.size, start=first, count=1, dtype=dtype)
        stretched = glimpses @ rearrange(columns, "b n x q -> b n 1 q x")
        stretched = rearrange(stretched, "b n c p x -> b (n p) (c x)")
        painted = rearrange(rows, "b y n 1 p -> b y (n p)") @ stretched
        return rearrange(painted, "b y (c x) -> b c y x", c=channels)

    def _compose(self, glimpses: Glimpses, windows: list[Windows], scenes: int) -> Foreground:
        """sum of weight * object over sum of weights: what normalising the weights first amounts to.

        Args:
            glimpses: (1, M, ...), in the order of the windows.
            windows: where each lies.
            scenes: B.
        """
        sizes = [len(each.scene) for each in windows]
        covered = apply_mask(glimpses.decoded.squeeze(0), glimpses.presence.squeeze(0)).split(sizes)
        priority = (-glimpses.depth.squeeze(0)).sigmoid().split(sizes)
        places = glimpses.where.squeeze(0).split(sizes)
        alike = zip(covered, places, windows, priority, strict=True)
        patches = [
            weigh_by_occlusion(self._place_in(objects, where, place), near) for objects, where, place, near in alike
        ]
        if patches:
            total = add_windows(patches, windows, scenes, self.size)
        else:
            total = glimpses.decoded.new_zeros(scenes, self.size, self.channels + 2, self.size)
        weighed, weights, alpha = rearrange(total, "b h c w -> b c h w").split([self.channels, 1, 1], dim=1)
        return Foreground(weighed / (weights + 1e-15), alpha)

    def _place_in(self, glimpses: Tensor, where: Tensor, windows: Windows) -> Tensor:
        """(M, s, c, s) and (M, 4) → (M, side, c, side): each glimpse in its own window."""
        glimpse, count, dtype = glimpses.shape[-1], windows.side, glimpses.dtype
        width, height, x, y = where.unbind(1)
        columns = bilinear_weights(width, x, glimpse, self.size, start=windows.left, count=count, dtype=dtype)
        rows = bilinear_weights(height, y, glimpse, self.size, start=windows.top, count=count, dtype=dtype)
        across = rearrange(glimpses, "m p c q -> m (p c) q") @ columns.mT
        return rearrange(rows @ rearrange(across, "m (p c) x -> m p (c x)", p=glimpse), "m y (c x) -> m y c x", x=count)
