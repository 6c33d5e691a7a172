"""Files that a command writes: whole or not at all."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from gnm_core.errors import GnmError, RunError
from gnm_core.files import os_errors_as, replace_file
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
    # JSON's own escapes for the bytes of file names that are not UTF-8: `os.fsencode` has them back.
    _write(path, (_readable(data) + "\n").encode(errors="backslashreplace"))


def _readable(data: object, indent: str = "") -> str:
    """JSON with lists of plain values on one line each."""
    deeper = indent + "  "
    match data:
        case Mapping() if data:
            lines = [f"{json.dumps(key)}: {_readable(value, deeper)}" for key, value in data.items()]
            return "{\n" + ",\n".join(deeper + line for line in lines) + f"\n{indent}}}"
        case [dict() | list(), *_]:
            return "[\n" + ",\n".join(deeper + _readable(item, deeper) for item in data) + f"\n{indent}]"
    return json.dumps(data, ensure_ascii=False)


def _write(path: Path, content: bytes) -> None:
    with os_errors_as(RunError, f"{path}: cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)


def _lossless(path: Path) -> dict[str, bool]:
    return {"lossless": True} if path.suffix.lower() == ".webp" else {}
