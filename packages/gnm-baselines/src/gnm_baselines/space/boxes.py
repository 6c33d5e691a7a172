"""Boxes between glimpse and image, as small interpolation matrices along each axis."""

from gnm_core.layers.boxes import hat
from torch import Tensor


def place_weights(extent: Tensor, centre: Tensor, pixels: Tensor, glimpse: int, size: int) -> Tensor:
    """What each glimpse pixel adds to given image pixels along one axis: the transpose of the crop's bilinear sampling.

    Args:
        extent: (B, N), width or height of the box; 1 spans the image.
        centre: (B, N), in [-1, 1].
        pixels: (B, N, P), indices of image pixels.
        glimpse: pixels of the glimpse along the axis.
        size: pixels of the image along the axis.

    Returns:
        (B, N, P, glimpse).
    """
    position = ((2 * pixels + 1) / size - 1 - centre[..., None]) / (extent[..., None] + 1e-15)
    return hat((position + 1) * (glimpse / 2) - 0.5, glimpse)
