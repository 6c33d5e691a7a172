"""Files that end: a pipe, a device or a socket under a file's name is refused before it can block."""

import os
import stat
from errno import EINVAL
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def open_file(path: Path) -> BinaryIO:
    """Open a file to read its bytes.

    Raises:
        OSError: it is missing or may not be read, or it is no file but a pipe, a device, a socket or a folder.
    """
    # Without O_NONBLOCK, opening a pipe that nobody writes to waits for ever.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    kind = stat.S_IFMT(os.fstat(handle).st_mode)
    if kind != stat.S_IFREG:
        os.close(handle)
        raise OSError(EINVAL, f"{_KINDS.get(kind, 'something else')}, where a file is expected", str(path))
    return open(handle, "rb")


def read_file(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: as `open_file`.
    """
    with open_file(path) as file:
        return file.read()
