"""The judge: reads what stands in each quarter, and asks the rule."""

from typing import Annotated

import torch
from annotated_types import Gt, Lt
from gnm_core import Judge, Verdict
from torch import Tensor

from gnm_shapes.world import COLOURS, QUARTERS, Shape, broken_by

FULL, ROUND = 0.89, 0.64
"""Shares of its box that a shape fills: a square all, a circle pi / 4, a triangle half; in between lies the border."""
LEAST = 0.02
"""Share of a quarter that a shape covers at least."""


class ShapesJudge(Judge):
    """Colour by the nearest of the four, kind by how much of its box a shape fills. No network, and nothing to train.

    Args:
        ink: brightness of a pixel from which on it belongs to a shape.
    """

    version = "1"

    def __init__(self, *, ink: Annotated[float, Gt(0), Lt(1)] = 0.4) -> None:
        self.ink = ink

    def judge(self, images: Tensor) -> list[Verdict]:
        """(B, 3, H, W) in [0, 1] → one verdict a picture."""
        return [self._verdict(image) for image in images]

    def read(self, image: Tensor) -> list[Shape | None]:
        """(3, H, W) → what stands in each quarter, clockwise from the top left; None where nothing can be read."""
        upper, lower = image.tensor_split(2, 1)
        (one, two), (four, three) = (half.tensor_split(2, 2) for half in (upper, lower))
        return [self._shape(quarter) for quarter in (one, two, three, four)]

    def _shape(self, quarter: Tensor) -> Shape | None:
        inked = quarter.amax(0) > self.ink
        if inked.float().mean() < LEAST:
            return None
        rows, columns = inked.any(1).nonzero(), inked.any(0).nonzero()
        box = int(rows.max() - rows.min() + 1) * int(columns.max() - columns.min() + 1)
        filled = float(inked.sum()) / box
        kind = "square" if filled > FULL else "circle" if filled > ROUND else "triangle"
        colour = quarter[:, inked].mean(1) if len(quarter) == 3 else quarter[:, inked].mean().expand(3)
        off = {name: float((colour - torch.tensor(rgb)).square().sum()) for name, rgb in COLOURS.items()}
        return kind, min(off, key=lambda name: off[name])

    def _verdict(self, image: Tensor) -> Verdict:
        shapes = self.read(image)
        empty = [where for where, shape in zip(QUARTERS, shapes, strict=True) if shape is None]
        there = [shape for shape in shapes if shape is not None]
        reason = f"{empty[0]} is empty" if empty else broken_by(there)
        return Verdict(not reason, reason, 0.0 if not reason else -1.0, f"shapes/{self.version}")
