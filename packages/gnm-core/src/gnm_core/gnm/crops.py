"""What the crop of an object's box tells of it."""

from einops import rearrange
from torch import Tensor

from gnm_core.contracts import GlimpseEncoder
from gnm_core.layers.boxes import crop


def read_crops(encoder: GlimpseEncoder, image: Tensor, where: Tensor) -> Tensor:
    """(B, C, H, W) and boxes (B, G, G, 4) in the image frame → (B, E, G, G): what each crop adds to its cell."""
    crops = crop(image, rearrange(where, "b h w d -> b (h w) d"), encoder.size)
    read = encoder(rearrange(crops, "b n c h w -> (b n) c h w"))
    added: Tensor = rearrange(read, "(b h w) e -> b e h w", h=where.shape[1], w=where.shape[2])
    return added
