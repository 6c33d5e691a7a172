"""One picture from a file, fitted to a model's square, and the way back to the file's own pixels."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from gnm_core.dims import Dims
from gnm_core.errors import DataError

Fit = Literal["crop", "pad", "stretch"]
"""`crop` keeps the largest square about the centre, `pad` adds black, `stretch` distorts."""

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files with other endings are no pictures."""

MODES = {1: "L", 3: "RGB"}
MAX_PIXELS = 64_000_000


@dataclass(frozen=True)
class Frame:
    """What a model's square shows of a picture, in the picture's pixels as it is displayed; `pad` reaches beyond it."""

    left: float
    top: float
    width: float
    height: float

    def to_original(self, boxes: Tensor, size: int) -> Tensor:
        """(..., 4) = (x0, y0, x1, y1) in pixels of the model's square of side `size` → in pixels of the picture."""
        scale = boxes.new_tensor([self.width, self.height, self.width, self.height]) / size
        return boxes * scale + boxes.new_tensor([self.left, self.top, self.left, self.top])


@dataclass(frozen=True)
class Picture:
    """A picture that was read and fitted."""

    pixels: np.ndarray
    """(C, H, W) uint8."""
    width: int
    """Of the picture as it is displayed (a camera's orientation applied), in pixels."""
    height: int
    frame: Frame


def read_picture(path: Path, dims: Dims, *, fit: Fit = "crop", max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture and fit it to a square of `dims.size`, grey or RGB by `dims.channels`.

    Of animations and multi-page files the first picture counts; transparent pixels are black; a camera's
    orientation is applied.

    Raises:
        DataError: the file is missing, no picture, broken, or has more than `max_pixels`; the text names it.
    """
    mode, side = MODES[dims.channels], dims.size
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty")
        with Image.open(path) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise DataError(f"{path}: {width} x {height} pixels, more than max_pixels = {max_pixels}")
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # orientations that lie on their side
                width, height = height, width
            image.draft(mode, (side, side))  # lets a JPEG decode at a smaller size
            upright = _on_black(_eight_bit(ImageOps.exif_transpose(image), path)).convert(mode)
        pixels = np.array(_fitted(upright, side, fit))
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{path}: too many pixels: {error}") from error
    except Exception as error:  # decoders of broken files raise whatever they like
        raise DataError(f"{path}: not a picture that can be read: {type(error).__name__}: {error}") from error
    channels_first = pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return Picture(channels_first, width, height, _frame(width, height, side, fit))


def pictures_under(folder: Path) -> list[str]:
    """Paths, relative to `folder`, of all pictures in it at any depth, sorted.

    Raises:
        DataError: it is no folder, cannot be read, or has no pictures.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error

    if not folder.exists():
        raise DataError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise DataError(f"{folder}: a file; expected a folder of pictures")
    found = []
    for inner, _, names in os.walk(folder, onerror=refuse):
        inside = Path(inner).relative_to(folder)
        found += [(inside / name).as_posix() for name in names if Path(name).suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(f"{folder}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
    return sorted(found)


def _fitted(picture: Image.Image, side: int, fit: Fit) -> Image.Image:
    smooth = Image.Resampling.BILINEAR
    match fit:
        case "crop":
            return ImageOps.fit(picture, (side, side), smooth)
        case "pad":
            return ImageOps.pad(picture, (side, side), smooth)
        case "stretch":
            return picture.resize((side, side), smooth)


def _frame(width: int, height: int, side: int, fit: Fit) -> Frame:
    if fit == "stretch":
        return Frame(0, 0, width, height)
    if fit == "crop":
        square = min(width, height)
        return Frame((width - square) / 2, (height - square) / 2, square, square)
    # `pad` fits the longer side and rounds the shorter one to whole pixels, and its place as well.
    longer = max(width, height)
    shown = [max(1, round(extent * side / longer)) for extent in (width, height)]
    per_pixel = [extent / pixels for extent, pixels in zip((width, height), shown, strict=True)]
    left, top = (-round((side - pixels) / 2) * unit for pixels, unit in zip(shown, per_pixel, strict=True))
    return Frame(left, top, side * per_pixel[0], side * per_pixel[1])


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
