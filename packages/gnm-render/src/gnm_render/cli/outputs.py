"""Files that a command writes: whole or not at all."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from gnm_core.errors import GnmError
from gnm_core.training.files import explained, replace_file
from PIL import Image


def require_picture_name(path: Path) -> None:
    """See that pictures of this name's kind can be written.

    Raises:
        GnmError: they cannot.
    """
    if path.suffix.lower() not in (".png", ".webp", ".bmp", ".tif", ".tiff"):
        raise GnmError(f"{path}: pictures are written as .png (or .webp, .bmp, .tif), not as '{path.suffix}'")


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write (height, width) or (height, width, 3) uint8 in the format that the name ends in, without loss.

    Raises:
        RunError: it cannot be written.
    """
    require_picture_name(path)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, Image.registered_extensions()[path.suffix.lower()], **_lossless(path))
    _write(path, file.getvalue())


def write_json(path: Path, data: Mapping[str, object]) -> None:
    """Write plain data.

    Raises:
        RunError: it cannot be written.
    """
    _write(path, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    with explained(f"{path}: cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)


def _lossless(path: Path) -> dict[str, bool]:
    return {"lossless": True} if path.suffix.lower() == ".webp" else {}
