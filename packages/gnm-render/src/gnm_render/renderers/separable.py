"""The fast renderer: a spatial transformer with axis-aligned boxes is two small matrix products."""

from typing import Annotated

import torch
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder, Default, GlimpseDecoder
from gnm_core.dims import Dims
from torch import Tensor

from gnm_render.renderers.base import Foreground, Glimpses, ObjectRenderer


class SeparableRenderer(ObjectRenderer):
    """The same function as `stn`: output = W_y glimpse W_x^T, with the bilinear weights of each axis as matrices.

    Without masks, the sum over objects folds into the product, and no object ever gets a canvas.

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
        columns = bilinear_weights(where[..., 0], where[..., 2], glimpses.shape[-1], self.size)
        rows = bilinear_weights(where[..., 1], where[..., 3], glimpses.shape[-2], self.size)
        return rows[:, :, None] @ (glimpses @ rearrange(columns, "b n x q -> b n 1 q x"))

    def paint(self, glimpses: Glimpses) -> Foreground:
        """Place every object and sum them up."""
        if glimpses.mask is None:
            return Foreground(self._sum(glimpses.presence * glimpses.appearance, glimpses.where), None)
        covered = glimpses.mask * glimpses.presence
        objects = self.place(torch.cat([covered * glimpses.appearance, covered], dim=2), glimpses.where)
        objects, alphas = objects[:, :, :-1], objects[:, :, -1:]
        claims = alphas * (-glimpses.depth).sigmoid()
        shares = claims / (claims.sum(1, keepdim=True) + 1e-15)
        return Foreground((shares * objects).sum(1), alphas.sum(1))

    def _sum(self, glimpses: Tensor, where: Tensor) -> Tensor:
        """(B, N, c, s, s) and (B, N, 4) → (B, c, H, W): the sum of all placed glimpses, without placing any."""
        columns = bilinear_weights(where[..., 0], where[..., 2], glimpses.shape[-1], self.size)
        rows = bilinear_weights(where[..., 1], where[..., 3], glimpses.shape[-2], self.size)
        stretched = glimpses @ rearrange(columns, "b n x q -> b n 1 q x")
        stretched = rearrange(stretched, "b n c p x -> b (n p) (c x)")
        painted = rearrange(rows, "b n y p -> b y (n p)") @ stretched
        return rearrange(painted, "b y (c x) -> b c y x", c=glimpses.shape[2])


def bilinear_weights(extent: Tensor, centre: Tensor, glimpse: int, size: int) -> Tensor:
    """(B, N) and (B, N) → (B, N, size, glimpse): what each glimpse pixel adds to each image pixel along one axis.

    Bilinear sampling with zero padding, pixel centres at half-integers (`align_corners=False`).

    Args:
        extent: width or height of the box; 1 spans the image.
        centre: its centre in [-1, 1].
        glimpse: pixels of the glimpse along the axis.
        size: pixels of the image along the axis.
    """
    pixels = (torch.arange(size, device=extent.device, dtype=extent.dtype) * 2 + 1) / size - 1
    position = (pixels - centre[..., None]) / (extent[..., None] + 1e-15)
    position = (position + 1) * (glimpse / 2) - 0.5
    sources = torch.arange(glimpse, device=extent.device, dtype=extent.dtype)
    return (1 - (position[..., None] - sources).abs()).clamp(min=0)
