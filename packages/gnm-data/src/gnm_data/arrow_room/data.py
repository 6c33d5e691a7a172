"""The data set `arrow-room`."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import Data, Default, Recorded
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch

from gnm_data.arrow_room import layout
from gnm_data.arrow_room.looks import LOOKS, LookName
from gnm_data.arrow_room.painter import Painter
from gnm_data.arrow_room.room import SHAPES, Room
from gnm_data.arrow_room.truth import truth
from gnm_data.splits import Split, checked_split

Count = Annotated[int, Ge(1), Le(2**31 - 1)]


class ArrowRoom(Data):
    """Rooms with three objects and an arrow that points at the odd one out (GNM, section 4, Arrow Room).

    Exactly two of the three objects share a shape, and the arrow in front of them points at the third. All four are of
    one material, rubber or metal; their colours are free. An image is a pure function of the options, the split and the
    index; its pixels have the 256 levels of 8-bit colour, so that nothing is lost in storage.

    Args:
        painter: how scenes become pictures; the ground truth is the same with any.
        look: `published`, fitted to what the published model drew, or `studio`, that of the first version.
        seed: another seed gives other scenes.
        train: number of scenes in the train split.
        validation: number of scenes in the validation split.
        test: number of scenes in the test split.
        split: the split that this data set holds.
    """

    name: ClassVar[str] = "arrow-room"
    channels: ClassVar[int] = 3
    classes: ClassVar[tuple[str, ...]] = SHAPES
    objects: ClassVar[int] = 4
    """N: the objects from left to right as they were laid out, then the arrow."""

    def __init__(
        self,
        dims: Dims,
        *,
        painter: Annotated[Painter, Default("tracer")],
        look: Annotated[LookName, Recorded("studio")] = "published",
        seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0,
        train: Count = 60_000,
        validation: Count = 6_000,
        test: Count = 6_000,
        split: Split = "train",
    ) -> None:
        if dims.channels != self.channels:
            raise OptionError("dims", f"{self.name} has images of 3 channels; channels is {dims.channels}")
        self.dims = dims
        self.painter = painter
        self.look: LookName = look
        self.seed = seed
        self.counts: dict[Split, int] = {"train": train, "validation": validation, "test": test}
        self.split: Split = checked_split(split)

    def __len__(self) -> int:
        """Number of scenes in this split."""
        return self.counts[self.split]

    def at(self, split: str) -> Self:
        """The same data set at another split, with other scenes."""
        return type(self)(
            self.dims,
            painter=self.painter,
            look=self.look,
            seed=self.seed,
            split=checked_split(split),
            **self.counts,
        )

    def rooms(self, indices: Sequence[int] | np.ndarray) -> list[Room]:
        """The scenes at `indices`, not painted.

        Raises:
            DataError: an index is not an integer in [0, len).
        """
        given = np.asarray(indices)
        if given.ndim != 1 or (given.size and not np.issubdtype(given.dtype, np.integer)):
            raise DataError(f"{self.name}: indices must be a row of integers, not {given.dtype} of shape {given.shape}")
        outside = (given < 0) | (given >= len(self))
        if outside.any():
            raise DataError(
                f"{self.name}: no image {given[outside][0]}: the {self.split} split has images 0 to {len(self) - 1}"
            )
        return [layout.sample(self.seed, self.split, int(index), LOOKS[self.look]) for index in given]

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The scenes at `indices`, painted, with the ground truth that `truth` lists.

        Raises:
            DataError: an index is not an integer in [0, len), or the painter does not work.
        """
        rooms = self.rooms(indices)
        pictures = torch.from_numpy(self.painter.paint(rooms, self.dims.size))
        image = rearrange(pictures, "b h w c -> b c h w").contiguous().float().div_(255)
        return Batch(image, truth(rooms, self.dims.size))
