"""The fast renderer: a spatial transformer with axis-aligned boxes is two small matrix products."""

from typing import Annotated

import torch
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder, Default, GlimpseDecoder
from gnm_core.dims import Dims
from torch import Tensor

from gnm_render.renderers.base import Foreground, Glimpses, ObjectRenderer
from gnm_render.renderers.bilinear import bilinear_weights
from gnm_render.renderers.windows import Windows, add_windows, bucket_boxes


class SeparableRenderer(ObjectRenderer):
    """The same function as `stn`: output = W_y glimpse W_x^T, with the bilinear weights of each axis as matrices.

    Without masks, the sum over objects folds into the product, and no object ever gets a canvas. With masks, whose
    claims multiply pixel by pixel, each object gets a window just larger than its box.

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
        if glimpses.mask is None:
            return Foreground(self._sum(glimpses.presence * glimpses.appearance, glimpses.where), None)
        return self._compose(glimpses, glimpses.mask)

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

    def _compose(self, glimpses: Glimpses, mask: Tensor) -> Foreground:
        """Sum of claim * object over sum of claims: what normalising the claims first amounts to."""
        scenes, count = glimpses.where.shape[:2]
        covered = mask * glimpses.presence
        flat = rearrange(torch.cat([covered * glimpses.appearance, covered], dim=2), "b n c h w -> (b n) c h w")
        where = rearrange(glimpses.where, "b n d -> (b n) d")
        nearness = rearrange((-glimpses.depth).sigmoid(), "b n 1 1 1 -> (b n) 1 1 1")
        scene = torch.arange(scenes, device=where.device).repeat_interleave(count)
        total = flat.new_zeros(scenes, self.channels + 2, self.size, self.size)
        for bucket in bucket_boxes(where, scene, self.size, flat.shape[-1]):
            mine = bucket.members
            placed = self._place_in(flat[mine], where[mine], bucket.windows)
            objects, alpha = placed[:, :-1], placed[:, -1:]
            claim = alpha * nearness[mine]
            patches = torch.cat([claim * objects, claim, alpha], dim=1)
            total = total + add_windows(patches, bucket.windows, scenes, self.size)
        claimed, claims, alpha = torch.split(total, [self.channels, 1, 1], dim=1)
        return Foreground(claimed / (claims + 1e-15), alpha)

    def _place_in(self, glimpses: Tensor, where: Tensor, windows: Windows) -> Tensor:
        """(M, c, s, s) and (M, 4) → (M, c, side, side): each glimpse in its own window."""
        side, count, dtype = glimpses.shape[-1], windows.side, glimpses.dtype
        width, height, x, y = where.unbind(1)
        columns = bilinear_weights(width, x, side, self.size, start=windows.left, count=count, dtype=dtype)
        rows = bilinear_weights(height, y, side, self.size, start=windows.top, count=count, dtype=dtype)
        return rows[:, None] @ (glimpses @ rearrange(columns, "m x q -> m 1 q x"))
