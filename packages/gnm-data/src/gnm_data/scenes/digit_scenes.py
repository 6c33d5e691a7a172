"""What all data sets of digit scenes share: options, digits, painting, ground truth."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from annotated_types import Ge, Le
from gnm_core.contracts import Data, Default
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch, Truth

from gnm_data.digits.contract import DigitSource
from gnm_data.scenes.layout import Layout
from gnm_data.scenes.paint import paint
from gnm_data.scenes.randomness import Randomness
from gnm_data.splits import Split, checked_split

_GLYPHS = 0
"""Stream of random numbers that chooses digits; a rule uses streams from 1."""

Count = Annotated[int, Ge(1), Le(2**31 - 1)]


class DigitScenes(Data):
    """Scenes of digits on black, made when asked for: a pure function of the options, the split and the index.

    Args:
        digits: source of the digits.
        digit: side of the square that a digit fills, in pixels. By default 20 px in 128 and in proportion, and in
            small images as much as a digit needs to be read: see `legible`.
        seed: another seed gives other scenes.
        train: number of scenes in the train split.
        validation: number of scenes in the validation split.
        test: number of scenes in the test split.
        split: the split that this data set holds.
    """

    channels: ClassVar[int | None] = 1
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    name: ClassVar[str]
    """Registered name; part of the random key."""
    objects: ClassVar[int]
    """N: most digits in a scene."""
    widest: ClassVar[int]
    """The image must be this many times as wide as a digit, or wider."""
    legible: ClassVar[int]
    """Side of the digits of 64 px images; smaller images have them in proportion, larger ones no smaller."""

    def __init__(
        self,
        dims: Dims,
        *,
        digits: Annotated[DigitSource, Default("embedded")],
        digit: Annotated[int, Ge(4), Le(4096)] | None = None,
        seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0,
        train: Count = 60_000,
        validation: Count = 6_000,
        test: Count = 6_000,
        split: Split = "train",
    ) -> None:
        if dims.channels != self.channels:
            raise OptionError("dims.channels", f"{self.name} has images of 1 channel; channels is {dims.channels}")
        self.dims = dims
        self.digits = digits
        self.digit = digit or max(round(dims.size * 20 / 128), round(min(dims.size, 64) * self.legible / 64))
        if self.digit * self.widest > dims.size:
            raise OptionError(
                "digit",
                f"digits of {self.digit} px need an image of at least {self.digit * self.widest} px in {self.name}; "
                f"size is {dims.size}",
            )
        self.seed = seed
        self.counts: dict[Split, int] = {"train": train, "validation": validation, "test": test}
        self.split: Split = checked_split(split)

    def __len__(self) -> int:
        """Number of scenes in this split."""
        return self.counts[self.split]

    def at(self, split: str) -> Self:
        """The same data set at another split; its digits are other digits."""
        return type(self)(
            self.dims,
            digits=self.digits,
            digit=self.digit,
            seed=self.seed,
            split=checked_split(split),
            **self.counts,
        )

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The scenes at `indices`, with ground truth: N places a scene, in the order that the rule names them.

        `extra` holds `digit` (B, N) int64, the place of each digit in its source's split (-1 where absent), and the
        rule's parameters as `rule/...`.

        Raises:
            DataError: an index is not an integer in [0, len).
        """
        images = self._checked(indices)
        random = Randomness(self.name, self.seed, self.split)
        layout = self.layout(images, random)
        present = layout.labels >= 0
        glyphs = self.digits.glyphs(self.split, self.digit)
        label = np.maximum(layout.labels, 0)
        chosen = glyphs.starts[label] + random.below(glyphs.counts[label], images, _GLYPHS, label.shape[1])
        painting = paint(self.dims.size, layout, glyphs, chosen)
        extra = {"digit": np.where(present, glyphs.sources[chosen], -1)}
        extra |= {f"rule/{key}": value for key, value in layout.rule.items()}
        return Batch(
            torch.from_numpy(painting.image)[:, None],
            Truth(
                present=torch.from_numpy(present),
                labels=torch.from_numpy(layout.labels),
                boxes=torch.from_numpy(painting.boxes),
                instances=torch.from_numpy(painting.instances),
                extra={key: torch.from_numpy(value) for key, value in extra.items()},
            ),
        )

    @abstractmethod
    def layout(self, images: np.ndarray, random: Randomness) -> Layout:
        """Decide B scenes by the rule.

        Args:
            images: (B,) int64, indices of the scenes.
            random: numbers that belong to each scene; stream 0 is taken.
        """

    def _checked(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Indices as (B,) int64."""
        given = np.asarray(indices)
        if given.ndim != 1 or (given.size and not np.issubdtype(given.dtype, np.integer)):
            raise DataError(f"{self.name}: indices must be a row of integers, not {given.dtype} of shape {given.shape}")
        outside = (given < 0) | (given >= len(self))
        if outside.any():
            raise DataError(
                f"{self.name}: no image {given[outside][0]}: the {self.split} split has images 0 to {len(self) - 1}"
            )
        return given.astype(np.int64)
