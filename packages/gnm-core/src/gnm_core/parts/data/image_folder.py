"""Pictures in a folder."""

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from PIL import Image, ImageOps

from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files with other endings are passed over."""

MODES = {1: "L", 3: "RGB"}


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
        fit: Literal["crop", "pad", "stretch"] = "crop",
        validation: Annotated[float, Ge(0), Le(1)] = 0.1,
        test: Annotated[float, Ge(0), Le(1)] = 0.1,
        max_pixels: Annotated[int, Gt(0)] = 64_000_000,
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
        if not self.dir.exists():
            raise DataError(f"{self.dir}: there is no such folder")
        if not self.dir.is_dir():
            raise DataError(f"{self.dir}: a file; expected a folder of pictures")
        pictures = sorted(self._walk())
        if not pictures:
            raise DataError(f"{self.dir}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
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

    def _walk(self) -> list[str]:
        def refuse(error: OSError) -> None:
            raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error

        found = []
        for folder, _, names in os.walk(self.dir, onerror=refuse):
            inside = Path(folder).relative_to(self.dir)
            found += [(inside / name).as_posix() for name in names if Path(name).suffix.lower() in SUFFIXES]
        return found

    def _split_of(self, path: str) -> str:
        share = int.from_bytes(hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
        if share < self.test:
            return "test"
        return "validation" if share < self.test + self.validation else "train"

    def _picture(self, index: int) -> np.ndarray:
        """(C, H, W) uint8."""
        if index in self._fitted:
            return self._fitted[index]
        picture = self._load(self.files[index])
        if (len(self._fitted) + 1) * picture.nbytes <= self.cache * 1_000_000:
            self._fitted[index] = picture
        return picture

    def _load(self, path: Path) -> np.ndarray:
        try:
            if path.stat().st_size == 0:
                raise DataError(f"{path}: the file is empty")
            with Image.open(path) as image:
                width, height = image.size
                if width * height > self.max_pixels:
                    raise DataError(f"{path}: {width} x {height} pixels, more than max_pixels = {self.max_pixels}")
                side = self.dims.size
                image.draft(MODES[self.dims.channels], (side, side))  # lets a JPEG decode at a smaller size
                picture = self._square(_eight_bit(ImageOps.exif_transpose(image), path))
        except DataError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise DataError(f"{path}: too many pixels: {error}") from error
        except Exception as error:  # decoders of broken files raise whatever they like
            raise DataError(f"{path}: not a picture that can be read: {type(error).__name__}: {error}") from error
        pixels = np.asarray(picture)
        return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _square(self, image: Image.Image) -> Image.Image:
        picture = _on_black(image).convert(MODES[self.dims.channels])
        size, smooth = (self.dims.size, self.dims.size), Image.Resampling.BILINEAR
        if self.fit == "crop":
            return ImageOps.fit(picture, size, smooth)
        if self.fit == "pad":
            return ImageOps.pad(picture, size, smooth)
        return picture.resize(size, smooth)


def _eight_bit(image: Image.Image, path: Path) -> Image.Image:
    """Pictures of 16-bit integers or of floats in [0, 1], brought to 8 bits; others as they are."""
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65535:
            raise DataError(f"{path}: pixels from {deep.min()} to {deep.max()}; expected 8 or 16 bits")
        return Image.fromarray(((deep.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        real = np.asarray(image)
        if not (real.min() >= 0 and real.max() <= 1):
            raise DataError(f"{path}: pixels from {real.min():g} to {real.max():g}; expected floats from 0 to 1")
        return Image.fromarray((real * 255).round().astype(np.uint8))
    return image


def _on_black(image: Image.Image) -> Image.Image:
    """The picture without transparency: what it lets through is black."""
    if not image.has_transparency_data:
        return image
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, (0, 0, 0, 255)), layered)
