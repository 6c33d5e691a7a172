"""Pictures in a folder."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le

from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.parts.data.picture import MAX_PIXELS, MODES, Fit, pictures_under, read_picture
from gnm_core.results import Batch


class ImageFolder(Data):
    """Every picture under a folder, at any depth, fitted to a square of `dims.size`, grey or RGB by `dims.channels`.

    A file's split depends on its path under the folder alone: adding pictures moves no other picture.
    Of animations and multi-page files the first picture counts; transparent pixels are black; a camera's
    orientation is applied. The folder is read when it is first used, not before.

    Args:
        dir: the folder.
        split: `train`, `validation` or `test`.
        fit: `crop` keeps the largest square about the centre, `pad` adds black, `stretch` distorts.
        validation: share of the pictures held back for validation.
        test: share of the pictures held back for the test.
        max_pixels: a picture with more pixels than this is refused, before it takes up memory.
        cache: megabytes of fitted pictures that stay in memory.

    Raises:
        OptionError: neither grey nor RGB, or nothing would be left to train on.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        dir: Path,
        split: Literal["train", "validation", "test"] = "train",
        fit: Fit = "crop",
        validation: Annotated[float, Ge(0), Le(1)] = 0.1,
        test: Annotated[float, Ge(0), Le(1)] = 0.1,
        max_pixels: Annotated[int, Gt(0)] = MAX_PIXELS,
        cache: Annotated[int, Ge(0)] = 512,
    ) -> None:
        if dims.channels not in MODES:
            raise OptionError("dims", f"channels is {dims.channels}; a folder of pictures has 1 (grey) or 3 (RGB)")
        if validation + test >= 1:
            raise OptionError("validation", f"{validation:g} and test = {test:g} leave no picture to train on")
        self.dims, self.dir, self.split = dims, Path(dir), split
        self.fit, self.validation, self.test, self.max_pixels, self.cache = fit, validation, test, max_pixels, cache
        self._fitted: dict[int, np.ndarray] = {}

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The split's files, by path.

        Raises:
            DataError: the folder is missing, cannot be read, or has no picture of this split.
        """
        pictures = pictures_under(self.dir)
        files = tuple(self.dir / path for path in pictures if self._split_of(path) == self.split)
        if not files:
            raise DataError(
                f"{self.dir}: none of its {len(pictures)} pictures falls into the {self.split} split; "
                f"add pictures or change the shares validation = {self.validation:g} and test = {self.test:g}"
            )
        return files

    def __len__(self) -> int:
        """Number of pictures in this split."""
        return len(self.files)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The pictures at `indices`.

        Raises:
            DataError: a file is not a picture, or is broken or too large; the text names it.
        """
        pixels = torch.from_numpy(np.stack([self._picture(int(index)) for index in indices]))
        return Batch(image=pixels.float().div_(255))

    def at(self, split: str) -> "ImageFolder":
        """The same folder at another split."""
        return ImageFolder(
            self.dims,
            dir=self.dir,
            split=split,  # type: ignore[arg-type]
            fit=self.fit,
            validation=self.validation,
            test=self.test,
            max_pixels=self.max_pixels,
            cache=self.cache,
        )

    def _split_of(self, path: str) -> str:
        share = int.from_bytes(hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
        if share < self.test:
            return "test"
        return "validation" if share < self.test + self.validation else "train"

    def _picture(self, index: int) -> np.ndarray:
        """(C, H, W) uint8."""
        if index in self._fitted:
            return self._fitted[index]
        picture = read_picture(self.files[index], self.dims, fit=self.fit, max_pixels=self.max_pixels).pixels
        if (len(self._fitted) + 1) * picture.nbytes <= self.cache * 1_000_000:
            self._fitted[index] = picture
        return picture
