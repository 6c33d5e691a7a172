"""A figure: pictures above their reconstructions, framed by what the judge thinks of them."""

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from gnm_core import Batch, Figure, FigureError, Model
from torch import Tensor

from gnm_shapes.judge import ShapesJudge

ACCEPTED, REFUSED, PAPER = (0.2, 0.7, 0.3), (0.9, 0.3, 0.2), 1.0
FRAME, GAP = 3, 4
"""Pixels of a frame, and between frames."""


class Framed(Figure):
    """Pictures (above) and what the model makes of them (below), framed in green where the rule holds, else in red.

    Args:
        columns: pictures at most.
        scale: pixels of the figure for each of a picture.
    """

    def __init__(self, *, columns: Annotated[int, Ge(1)] = 8, scale: Annotated[int, Ge(1)] = 2) -> None:
        self.columns, self.scale = columns, scale

    def draw(self, model: Model, batch: Batch) -> np.ndarray:
        """→ (height, width, 3) uint8 RGB."""
        images = batch.image[: self.columns]
        if not len(images):
            raise FigureError("there is no picture to draw")
        with torch.no_grad():
            device = next(model.parameters()).device
            seen = model.reconstruct(images.to(device)).image.cpu()
        rows = [torch.cat([self._framed(image) for image in row], 2) for row in (images, seen)]
        sheet = torch.cat(rows, 1).permute(1, 2, 0)
        return (255 * sheet).round().to(torch.uint8).numpy()

    def _framed(self, image: Tensor) -> Tensor:
        """(C, H, W) → (3, h, w), larger by its frame and the paper around it."""
        (verdict,) = ShapesJudge().judge(image[None])
        colour = torch.tensor(ACCEPTED if verdict.accepted else REFUSED)
        large = image.clamp(0, 1).expand(3, -1, -1).repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)
        edge = FRAME + GAP
        paper = torch.full((3, large.shape[1] + 2 * edge, large.shape[2] + 2 * edge), PAPER)
        paper[:, GAP:-GAP, GAP:-GAP] = colour[:, None, None]
        paper[:, edge:-edge, edge:-edge] = large
        return paper
