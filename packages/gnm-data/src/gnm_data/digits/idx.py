"""IDX, the file format of MNIST."""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
from gnm_core.errors import DataError
from gnm_core.regular_files import open_file

_BYTES = 0x08
"""IDX type code of unsigned bytes."""
_LIMIT = 1 << 30
"""Bytes that a file may hold, unpacked: a small gzip file may unpack to more than the memory."""


def read_idx(path: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    """Read an IDX file of unsigned bytes, unpacking it when its name ends in `.gz`.

    Args:
        path: the file.
        shape: the size that each dimension must have; None where any but zero will do.

    Raises:
        DataError: the file cannot be read, is not IDX, has another shape, or fewer or more bytes than it says.
    """
    data = _unpack(path)
    if not data:
        raise DataError(f"{path}: empty; expected an IDX file")
    if data[:2] != b"\0\0":
        raise DataError(f"{path}: not an IDX file: it starts with {data[:4].hex(' ')}, expected 00 00")
    start = 4 + 4 * len(shape)
    if len(data) < start:
        raise DataError(f"{path}: truncated: {len(data)} bytes, too few for the header")
    if data[2] != _BYTES or data[3] != len(shape):
        raise DataError(
            f"{path}: IDX file of type 0x{data[2]:02x} with {data[3]} dimensions; "
            f"expected unsigned bytes (0x{_BYTES:02x}) with {len(shape)}"
        )
    found = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if any(got == 0 if want is None else got != want for got, want in zip(found, shape, strict=True)):
        raise DataError(f"{path}: its size is {_size(found)}; expected {_size(shape)}")
    if len(data) != start + prod(found):
        state = "truncated" if len(data) < start + prod(found) else "too long"
        raise DataError(f"{path}: {state}: {len(data)} bytes; its size of {_size(found)} needs {start + prod(found)}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(found)


def _unpack(path: Path) -> bytes:
    """The bytes of a file, unpacked."""
    try:
        with open_file(path) as packed, gzip.open(packed) if path.suffix == ".gz" else packed as file:
            data = file.read(_LIMIT + 1)
    except EOFError as error:
        raise DataError(f"{path}: truncated: the gzip stream ends too soon") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: corrupt gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _LIMIT:
        raise DataError(f"{path}: holds more than {_LIMIT:,} bytes; expected an MNIST file")
    return data


def _size(shape: tuple[int | None, ...]) -> str:
    """A shape in words, such as `any x 28 x 28`."""
    return " x ".join("any" if side is None else str(side) for side in shape)
