"""One picture from a file, fitted to a model's square, and the way back to the file's own pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError
from torch import Tensor

from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.parts.data.formats import FORMATS, opened
from gnm_core.parts.data.pixels import BLACK, BadPixels, opaque
from gnm_core.printable import said_by

Fit = Literal["crop", "pad", "stretch"]
"""`crop` keeps the largest square about the centre, `pad` adds black, `stretch` distorts."""

MODES = {1: "L", 3: "RGB"}

_ORIENTATION = 0x0112
"""EXIF's tag."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each orientation upright."""
_SIDEWAYS = tuple(_TURNS[orientation] for orientation in (5, 6, 7, 8))


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


def colour_of(text: str, option: str = "background") -> tuple[int, int, int]:
    """RGB of `white`, `#8040ff`, `rgb(128, 64, 255)` and whatever else Pillow knows.

    Raises:
        OptionError: it is no colour.
    """
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise OptionError(
            option, f"'{text}' is no colour; expected a name (white) or red, green, blue (#8040ff)"
        ) from None
    return red, green, blue


def read_picture(
    path: Path,
    dims: Dims,
    *,
    fit: Fit = "crop",
    max_pixels: int = 64_000_000,
    white: int | None = None,
    background: tuple[int, int, int] = BLACK,
) -> Picture:
    """Read a picture and fit it to a square of `dims.size`, grey or RGB by `dims.channels`.

    Of animations and multi-page files the first picture counts; a camera's orientation is applied.

    Args:
        path: the file; its content says which of `formats.FORMATS` it is of.
        dims: `channels` and `size`.
        fit: how it becomes square.
        max_pixels: a larger picture is refused before its pixels take up memory.
        white: what is white in a picture of more than 8 bits; 65535 when None.
        background: RGB of transparent pixels.

    Raises:
        DataError: the file is missing, no picture, broken, or has more than `max_pixels`, or pictures have no such
            number of channels; the text names it.
    """
    if dims.channels not in MODES:
        raise DataError(f"{path}: a model of {dims.channels} channels; pictures have 1 (grey) or 3 (RGB)")
    mode, side = MODES[dims.channels], dims.size
    with _opened(path, max_pixels) as image:
        width, height = image.size
        smaller = image.draft(mode, (side, side))  # lets a JPEG decode at a smaller size
        image.load()  # a TIFF is turned by this, and does not say so any more
        if smaller is None:
            width, height = image.size
        turn = _turn(image)
        if turn in _SIDEWAYS:
            width, height = height, width
        upright = image if turn is None else image.transpose(turn)
        pixels = np.array(_fitted(opaque(upright, white, background).convert(mode), side, fit))
    channels_first = pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return Picture(channels_first, width, height, _frame(width, height, side, fit))


def read_whole(path: Path, max_pixels: int = 64_000_000) -> np.ndarray:
    """(H, W, 3) uint8: a picture as it is displayed, in RGB.

    Raises:
        DataError: the file is missing, no picture, broken, or has more than `max_pixels`; the text names it.
    """
    with _opened(path, max_pixels) as image:
        image.load()
        turn = _turn(image)
        return np.array(opaque(image if turn is None else image.transpose(turn)).convert("RGB"))


def stated_size(path: Path) -> tuple[int, int] | None:
    """Width and height that a file states; None where it cannot be read."""
    try:
        with opened(path) as image:
            return image.size
    except Exception:  # decoders of broken files raise whatever they like; whoever wants the picture hears of it
        return None


def deepest_value(path: Path, max_pixels: int) -> int | None:
    """The brightest pixel of a picture of 16 bits; None for any other, and for what cannot be read."""
    try:
        with opened(path) as image:
            deep = image.mode.startswith("I;16") and image.width * image.height <= max_pixels
            return int(np.asarray(image).max()) if deep else None
    except Exception:  # decoders of broken files raise whatever they like; whoever wants the picture hears of it
        return None


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """A picture that is not too large; whatever goes wrong over it is a `DataError` that names it."""
    try:
        if path.stat().st_size == 0 and path.is_file():
            raise DataError(f"{path}: the file is empty")
        with opened(path) as image:
            if image.width * image.height > max_pixels:
                raise DataError(f"{path}: {image.width} x {image.height} pixels, more than max_pixels = {max_pixels}")
            yield image
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a picture that can be read: it is none of {', '.join(FORMATS)}") from None
    except BadPixels as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # decoders of broken files raise whatever they like
        said = error.strerror if isinstance(error, OSError) and error.strerror else said_by(error)
        raise DataError(f"{path}: not a picture that can be read: {said}") from error


def _turn(image: Image.Image) -> Image.Transpose | None:
    """By EXIF's tag alone, whatever else it says; None where the picture is upright or does not say."""
    try:
        return _TURNS.get(int(image.getexif().get(_ORIENTATION, 1)))
    except (SyntaxError, TypeError, ValueError, KeyError, EOFError):  # broken EXIF around sound pixels
        return None


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
