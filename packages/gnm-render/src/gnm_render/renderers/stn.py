"""The reference renderer: one spatial transformer per object."""

from typing import Annotated

import torch
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder, Default, GlimpseDecoder
from gnm_core.dims import Dims
from gnm_core.precision import without_autocast
from torch import Tensor
from torch.nn import functional as F

from gnm_render.renderers.base import Foreground, Glimpses, ObjectRenderer


class STNRenderer(ObjectRenderer):
    """Algorithm 2 word for word, with `grid_sample`: every object on a canvas of its own. Slow, plain, the reference.

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
        batch, count, channels = glimpses.shape[:3]
        if batch * count == 0:  # grid_sample refuses an empty batch
            return glimpses.new_zeros(batch, count, channels, self.size, self.size)
        extent, centre = where[..., :2] + 1e-15, where[..., 2:]
        scale = torch.diag_embed(1 / extent)
        theta = rearrange(torch.cat([scale, (-centre / extent)[..., None]], dim=-1), "b n i j -> (b n) i j")
        with without_autocast(theta):  # it is a matrix product, and would round the boxes
            grid = F.affine_grid(theta, [batch * count, channels, self.size, self.size], align_corners=False)
        flat = rearrange(glimpses.to(grid.dtype), "b n c h w -> (b n) c h w")
        placed = F.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return rearrange(placed, "(b n) c h w -> b n c h w", b=batch)

    def paint(self, glimpses: Glimpses) -> Foreground:
        """Place every object and sum them up."""
        if glimpses.mask is None:
            return Foreground(self.place(glimpses.presence * glimpses.appearance, glimpses.where).sum(1), None)
        covered = glimpses.mask * glimpses.presence
        objects = self.place(covered * glimpses.appearance, glimpses.where)
        weights = self.place(covered * (-glimpses.depth).sigmoid(), glimpses.where)
        shares = weights / (weights.sum(1, keepdim=True) + 1e-15)
        return Foreground((shares * objects).sum(1), self.place(covered, glimpses.where).sum(1))
