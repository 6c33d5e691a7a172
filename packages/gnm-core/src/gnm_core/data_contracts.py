"""The contracts about data: data sets, judges of their rules, pictures of a model at work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from torch import Tensor

from gnm_core.contract import Contract
from gnm_core.results import Batch, Verdict

if TYPE_CHECKING:
    from gnm_core.contracts import Model


class Data(Contract):
    """A data set: a pure function of (its options, split, index)."""

    kind = "data"
    describes = "images to learn from"

    channels: ClassVar[int | None] = None
    """C, where the data set makes images of one kind only; None where it takes what `dims` says."""
    classes: ClassVar[tuple[str, ...]] = ()
    """Name of each class of object, by label; empty where classes have no names."""
    split: str
    """`train`, `validation` or `test`."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of images in this split."""

    @abstractmethod
    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The images at `indices`, always the same for the same index."""

    @abstractmethod
    def at(self, split: str) -> "Data":
        """The same data set at another split, with the same options."""

    def notes(self) -> tuple[str, ...]:
        """What whoever uses this split should know, a text each: files that are left out, and why. May read files."""
        return ()

    def order(self, epoch: int, seed: int) -> np.ndarray:
        """(len,) int64: the order of one epoch, a pure function of its arguments. Storage may keep neighbours near."""
        return np.random.default_rng((seed, epoch)).permutation(len(self))


class Judge(Contract):
    """Says whether pictures obey a data set's rule."""

    kind = "judge"
    describes = "does a scene obey its rule?"

    version: str
    """Changes whenever a verdict could."""

    @abstractmethod
    def judge(self, images: Tensor) -> list[Verdict]:
        """(B, C, H, W) in [0, 1] → one verdict a picture."""


class Figure(Contract):
    """Draws one picture of a model at work."""

    kind = "figure"
    describes = "picture of a model at work"

    @abstractmethod
    def draw(self, model: "Model", batch: Batch) -> np.ndarray:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: the model, or the batch (which may be empty), lacks what the figure shows.
        """
