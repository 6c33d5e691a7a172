"""What a source of digits gives."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gnm_core.contracts import Contract

from gnm_data.digits.glyphs import Glyphs
from gnm_data.splits import Split


@dataclass(frozen=True)
class Digits:
    """Pictures of single digits, white on black."""

    images: np.ndarray
    """(N, H, W) uint8."""
    labels: np.ndarray
    """(N,) int64, 0 to 9."""


class DigitSource(Contract):
    """Pictures of single digits; no picture is in two splits."""

    kind: ClassVar[str] = "digits"
    describes: ClassVar[str] = "where the digits of MNIST scenes come from"

    @abstractmethod
    def read(self, split: Split) -> Digits:
        """All digits of a split, every class among them, always in the same order.

        Raises:
            DataError: a file is missing or broken; the text names it.
        """

    def glyphs(self, split: Split, size: int) -> Glyphs:
        """The digits of a split, cropped to their ink and scaled to `size` pixels; kept once made."""
        made: dict[tuple[Split, int], Glyphs] = self.__dict__.setdefault("_glyphs", {})
        if (split, size) not in made:
            digits = self.read(split)
            made[split, size] = Glyphs(digits.images, digits.labels, size)
        return made[split, size]
