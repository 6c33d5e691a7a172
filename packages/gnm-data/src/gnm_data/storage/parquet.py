"""The data part `parquet`: a data set on disk, built by `gnm data build`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch

from gnm_data.splits import SPLITS, Split, checked_split
from gnm_data.storage.manifest import BUILDING, MANIFEST, Manifest, Recipe, read_manifest
from gnm_data.storage.reading import Rows
from gnm_data.storage.verifier import size_problem


class Parquet(Data):
    """A data set on disk, read row group by row group; far larger than memory if need be.

    Images come back as they were stored: rounded to 8 bits. Ground truth comes back exactly.

    Args:
        dims: `channels` and `size` must be those of the stored images.
        dir: the folder that `gnm data build` made.
        split: `train`, `validation` or `test`.
        window: row groups (about 1 MB each before compression) that an epoch's order mixes, and that are kept in
            memory. An epoch in that order reads each row group once.
        truth: false reads the images alone, which is faster where nobody asks for their truth.

    Raises:
        OptionError: the images have other sizes than `dims` says.
        DataError: `dir` holds no such data set, or files are missing, of the wrong size or the wrong kind.
    """

    recipe: Recipe
    """What the images were made from."""

    def __init__(
        self,
        dims: Dims,
        *,
        dir: Path,
        split: Split = "train",
        window: Annotated[int, Ge(1), Le(2**20)] = 64,
        truth: bool = True,
    ) -> None:
        self.split: Split = checked_split(split)
        self.dims = dims
        self.dir = dir
        self.window = window
        self.truth = truth
        manifest = _checked_manifest(dir, self.split)
        if manifest.image != (dims.channels, dims.size, dims.size):
            channels, height, width = manifest.image
            raise OptionError(
                "dims",
                f"{dir} holds images of {channels} x {height} x {width}; "
                f"channels is {dims.channels} and size is {dims.size}",
            )
        self.recipe = manifest.recipe
        self.classes = manifest.classes  # type: ignore[misc]  # known to the folder, not to the class
        self.rows = Rows(dir, manifest, self.split, window, truth=truth)
        self.rows.require_sound()

    def __len__(self) -> int:
        """Number of images in this split."""
        return self.rows.split.count

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The stored images at `indices`, with their truth.

        Raises:
            IndexError: an index is out of range.
            DataError: a shard is damaged; the text names it.
        """
        wanted = np.asarray(indices, np.int64).reshape(-1)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"indices {wanted.min()} to {wanted.max()} of a split of {len(self)} images")
        return self.rows.batch(wanted)

    def at(self, split: str) -> "Parquet":
        """The same folder at another split."""
        return _opened(self.dims, self.dir, checked_split(split), self.window, self.truth)

    def order(self, epoch: int, seed: int) -> np.ndarray:
        """Row groups in random order, and rows in random order among `window` neighbours in it."""
        random = np.random.default_rng((seed, epoch))
        starts, stops = self.rows.bounds()
        shuffled = random.permutation(len(starts))
        windows = np.array_split(shuffled, -(-len(starts) // self.window))
        return np.concatenate(
            [
                random.permutation(np.concatenate([np.arange(starts[g], stops[g], dtype=np.int64) for g in window]))
                for window in windows
            ]
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled as its options: another process opens the folder itself."""
        return _opened, (self.dims, self.dir, self.split, self.window, self.truth)


def _opened(dims: Dims, dir: Path, split: Split, window: int, truth: bool) -> Parquet:
    return Parquet(dims, dir=dir, split=split, window=window, truth=truth)


def _checked_manifest(folder: Path, split: str) -> Manifest:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    unfinished = [name for name in SPLITS if (folder / name / BUILDING).exists()]
    if not (folder / MANIFEST).exists():
        if unfinished:
            raise DataError(f"{folder}: the build of {unfinished[0]} is unfinished; repeat the build command to go on")
        raise DataError(f"{folder}: no data set here ({MANIFEST} is missing); `gnm data build` makes one")
    manifest = read_manifest(folder)
    if split not in manifest.splits:
        if split in unfinished:
            raise DataError(f"{folder}: the build of {split} is unfinished; repeat the build command to go on")
        there = ", ".join(manifest.splits) or "none"
        raise DataError(f"{folder}: has no {split} split (there: {there}); build it with --split {split}")
    problems = [problem for shard in manifest.splits[split].shards if (problem := size_problem(folder, shard))]
    if problems:
        raise DataError("\n    ".join((f"{folder}: shards are not as the manifest says:", *problems)))
    return manifest
