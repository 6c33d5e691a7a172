"""The picture formats that are read, and no others: some of Pillow's would start programs."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from gnm_core.parts.data import png
from gnm_core.regular_files import open_file

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""By Pillow's names; told by a file's content, whatever its name ends in."""
SUFFIXES = frozenset(
    {
        *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
        *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    }
)
"""Files of a folder with other endings are not read."""


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The picture in a file, its header read and its pixels not yet.

    Pillow's own limit on the number of pixels does not hold inside: look at `size` before asking for them.

    Raises:
        OSError: the file cannot be read, or holds no picture of these formats.
        Exception: whatever a decoder raises over a broken file.
    """
    with open_file(path) as file, _unlimited:
        start = file.read(len(png.SIGNATURE))
        # A file, and not its name: by its name, Pillow 13 reads uncompressed TIFFs that lie on their side wrongly.
        source = io.BytesIO(png.readable(start + file.read())) if start == png.SIGNATURE else file
        source.seek(0)
        with Image.open(source, formats=FORMATS) as image:
            yield image


class _Unlimited:
    """While any thread is inside, Pillow's limit, which is one for the whole process, is off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit = Image.MAX_IMAGE_PIXELS

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                Image.MAX_IMAGE_PIXELS = self._limit


_unlimited = _Unlimited()
