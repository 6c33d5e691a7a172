"""Pictures in a folder."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt

from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.parts.data.annotations import Annotations, read_annotations
from gnm_core.parts.data.folder import Survey, survey
from gnm_core.parts.data.picture import MODES, Fit, Frame, deepest_value, read_picture
from gnm_core.results import Batch

TWELVE_BITS = 4096
SOME = 4
"""Pictures that are looked at to find out how deep they are."""


class ImageFolder(Data):
    """Every picture under a folder, at any depth, fitted to a square of `dims.size`, grey or RGB by `dims.channels`.

    Where there are subfolders `train` and `test` (and maybe `validation`), they are the splits; without `validation`, a
    share of `train` is held back. Elsewhere a file's split depends on its path under the folder alone: adding pictures
    moves no other picture. Hidden files and folders are passed over, links to folders followed.
    Of animations and multi-page files the first picture counts; transparent pixels are black; a camera's
    orientation is applied. The folder is read when it is first used, not before.

    Args:
        dir: the folder.
        annotations: COCO files that know the objects in the pictures, for measuring; training never looks at them. A
            file's `file_name`s are paths under the subfolder that is called as it is (`train.json`: `dir/train`) where
            there is one, else under `dir`.
        split: `train`, `validation` or `test`.
        fit: `crop` keeps the largest square about the centre, `pad` adds black, `stretch` distorts.
        validation: share of the pictures held back for validation.
        test: share of the pictures held back for the test.
        white: what is white in pictures of more than 8 bits: 4095 for 12 bits; 65535 when null.
        max_pixels: a picture with more pixels than this is refused, before it takes up memory.
        on_broken: `stop` at the first picture that cannot be read; `skip` reads all of a split once when it is opened
            and goes on without those that cannot be read.
        most_broken: largest share of a split that `skip` goes on without.
        cache: megabytes of fitted pictures that stay in memory.

    Raises:
        OptionError: neither grey nor RGB, or nothing would be left to train on.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        dir: Path,
        annotations: tuple[Path, ...] = (),
        split: Literal["train", "validation", "test"] = "train",
        fit: Fit = "crop",
        validation: Annotated[float, Ge(0), Le(1)] = 0.1,
        test: Annotated[float, Ge(0), Le(1)] = 0.1,
        white: Annotated[int, Ge(1), Le(65535)] | None = None,
        max_pixels: Annotated[int, Gt(0), Le(10**12)] = 64_000_000,
        on_broken: Literal["stop", "skip"] = "stop",
        most_broken: Annotated[float, Ge(0), Lt(1)] = 0.05,
        cache: Annotated[int, Ge(0), Le(10**9)] = 512,
    ) -> None:
        if dims.channels not in MODES:
            raise OptionError("dims", f"channels is {dims.channels}; a folder of pictures has 1 (grey) or 3 (RGB)")
        if validation + test >= 1:
            raise OptionError("validation", f"{validation:g} and test = {test:g} leave no picture to train on")
        self.dims, self.dir, self.split, self.fit = dims, Path(dir), split, fit
        self.annotations = tuple(Path(file) for file in annotations)
        self.validation, self.test, self.white, self.max_pixels = validation, test, white, max_pixels
        self.on_broken, self.most_broken, self.cache = on_broken, most_broken, cache
        self._fitted: dict[Path, np.ndarray] = {}
        self._frames: dict[Path, Frame] = {}

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The split's files, by path; with `on_broken: skip`, those that can be read.

        Raises:
            DataError: the folder is missing, cannot be read, has no picture of this split, or too many are broken.
        """
        if self.on_broken == "stop":
            return self._listed
        if len(self.broken) > self.most_broken * len(self._listed):
            raise DataError(
                f"{self.dir}: {len(self.broken)} of {len(self._listed)} pictures of the {self.split} split cannot be "
                f"read, more than most_broken = {self.most_broken:g}:\n    " + "\n    ".join(self.broken.values())
            )
        return tuple(path for path in self._listed if path not in self.broken)

    @cached_property
    def broken(self) -> dict[Path, str]:
        """The split's files that cannot be read, and why; found by reading all of them."""
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            found = zip(self._listed, pool.map(self._problem, self._listed), strict=True)
            return {path: problem for path, problem in found if problem is not None}

    def notes(self) -> tuple[str, ...]:
        """What is not read of the folder, which pictures are skipped, and whether 16 bits look like fewer."""
        left_out = self._survey.left_out()
        notes = [f"{self.dir}: {left_out}"] if left_out else []
        if self.on_broken == "skip" and self.files and self.broken:
            count = f"{len(self.broken)} of {len(self._listed)} pictures of the {self.split} split skipped"
            notes.append("\n    ".join([f"{self.dir}: {count}:", *self.broken.values()]))
        if self.white is None and (brightest := self._brightest_of_some()) is not None and brightest < TWELVE_BITS:
            notes.append(
                f"{self.dir}: pictures of 16 bits with no pixel above {brightest}, white being 65535: nearly black; "
                f"if they hold 12 bits, say data.white={TWELVE_BITS - 1}"
            )
        return tuple(notes)

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the annotations' categories; none without annotations."""
        return self._known.classes if self.annotations else ()

    def __len__(self) -> int:
        """Number of pictures in this split."""
        return len(self.files)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The pictures at `indices`.

        Raises:
            DataError: a file is not a picture, is broken or too large, or unknown to every annotation file; the text
                names it.
        """
        paths = [self.files[int(index)] for index in indices]
        image = torch.from_numpy(np.stack([self._picture(path) for path in paths])).float().div_(255)
        if not self.annotations:
            return Batch(image)
        return Batch(image, self._known.truth(paths, [self._frames[path] for path in paths], self.dims.size))

    def at(self, split: str) -> "ImageFolder":
        """The same folder at another split."""
        return ImageFolder(
            self.dims,
            dir=self.dir,
            annotations=self.annotations,
            split=split,  # type: ignore[arg-type]
            fit=self.fit,
            validation=self.validation,
            test=self.test,
            white=self.white,
            max_pixels=self.max_pixels,
            on_broken=self.on_broken,
            most_broken=self.most_broken,
            cache=self.cache,
        )

    @cached_property
    def _known(self) -> Annotations:
        return read_annotations(self.annotations, self.dir)

    @cached_property
    def _survey(self) -> Survey:
        return survey(self.dir)

    @cached_property
    def _listed(self) -> tuple[Path, ...]:
        """The split's files, whether they can be read or not."""
        pictures = self._survey.pictures
        files = tuple(self.dir / path for path in pictures if self._split_of(path) == self.split)
        if not files:
            raise DataError(
                f"{self.dir}: none of its {len(pictures)} pictures falls into the {self.split} split; "
                f"add pictures or change the shares validation = {self.validation:g} and test = {self.test:g}"
            )
        return files

    def _split_of(self, path: str) -> str:
        folder, inside = path.split("/", 1)[0], "/" in path
        if inside and folder in ("test", "validation") and folder in self._split_folders:
            return folder
        share = int.from_bytes(hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
        if self._split_folders:
            held_back = 0 if "validation" in self._split_folders else self.validation
            return "validation" if share < held_back else "train"
        if share < self.test:
            return "test"
        return "validation" if share < self.test + self.validation else "train"

    @cached_property
    def _split_folders(self) -> tuple[str, ...]:
        """The subfolders that are splits; none unless there are `train` and `test`."""
        found = tuple(name for name in ("train", "validation", "test") if (self.dir / name).is_dir())
        return found if {"train", "test"} <= set(found) else ()

    def _brightest_of_some(self) -> int | None:
        """The brightest pixel of the first few pictures; None where one has 8 bits, or cannot be read."""
        found = [deepest_value(path, self.max_pixels) for path in self._listed[:SOME]]
        return None if None in found else max(value for value in found if value is not None)

    def _problem(self, path: Path) -> str | None:
        """Why a picture cannot be read; None where it can."""
        try:
            self._picture(path)
        except DataError as error:
            return str(error)
        return None

    def _picture(self, path: Path) -> np.ndarray:
        """(C, H, W) uint8."""
        if path in self._fitted:
            return self._fitted[path]
        read = read_picture(path, self.dims, fit=self.fit, max_pixels=self.max_pixels, white=self.white)
        self._frames[path] = read.frame
        if (len(self._fitted) + 1) * read.pixels.nbytes <= self.cache * 1_000_000:
            self._fitted[path] = read.pixels
        return read.pixels
