"""Files that are there as a whole or not at all, even when the power fails."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gnm_core.errors import GnmError


def write(path: Path, content: bytes) -> None:
    """Write a file and see it onto the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """See the names in a folder onto the disk; only POSIX can, and only POSIX needs it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path, temporary: Path | None = None) -> Iterator[IO[bytes]]:
    """A file to write that takes the name `path` only once it is complete and on the disk.

    Args:
        path: whoever opens it finds the old content or the new.
        temporary: its name until then, in the same folder; removed if writing fails.
    """
    temporary = temporary or path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place at once: whoever opens it finds the old content or the new."""
    with replacing(path) as file:
        file.write(content)


def remove_folder(folder: Path) -> None:
    """Remove a folder in one step as far as others can see: it loses its name before it loses its files."""
    doomed = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)


@contextmanager
def os_errors_as(error_type: type[GnmError], what: str, still_safe: str = "") -> Iterator[None]:
    """Turn what the operating system refuses into an error of ours.

    Args:
        error_type: such as `RunError`.
        what: what was being done, such as `writing runs/x/spec.yaml`.
        still_safe: what is still safe.
    """
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EACCES: "permission denied",
            errno.EROFS: "the disk is read-only",
        }
        reason = reasons.get(error.errno or 0) or error.strerror or str(error)
        raise error_type(f"{what}: {reason}" + (f"; {still_safe}" if still_safe else "")) from error
