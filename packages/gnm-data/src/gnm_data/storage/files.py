"""Files that know their size and sha256 once they are written."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gnm_core import files
from gnm_core.errors import DataError

TEMPORARY = ".tmp"
"""Suffix of a file that is being written."""


class Digesting(io.RawIOBase):
    """A binary file, written front to back, that knows its size and sha256."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: object) -> int:
        """Write all of `data`, a bytes-like object."""
        view = memoryview(data)  # type: ignore[arg-type]
        self.file.write(view)
        self.digest.update(view)
        self.size += view.nbytes
        return view.nbytes

    @property
    def sha256(self) -> str:
        """Of everything written so far, as 64 hexadecimal digits."""
        return self.digest.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Digesting]:
    """A file to write, which takes the name `path` only once it is complete and on the disk.

    Raises:
        DataError: the disk is full, the folder cannot be written, and the like; `path` is as it was before.
    """
    try:
        with files.replacing(path, path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")) as file:
            yield Digesting(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def sha256_of(path: Path) -> str:
    """sha256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
