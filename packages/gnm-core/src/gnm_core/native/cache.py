"""Compiled libraries that are kept: loaded only if nobody else can have written them, and if they are whole."""

import atexit
import ctypes
import hashlib
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

from gnm_core.native.errors import Unavailable

_open: list[int] = []
"""Descriptors of the libraries that are loaded: each is known to the loader by its number, which must stay its own."""


def cache_folder() -> Path:
    """Where libraries are kept: `gnm` in the user's cache, or a folder of this process if others could write there.

    Raises:
        Unavailable: there is no place for a cache.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(given or Path.home() / ".cache") / "gnm"
    except RuntimeError as error:
        raise Unavailable(f"there is no folder to compile them in ({error}); set XDG_CACHE_HOME") from error
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = _open_to_others(folder.stat())
        if reason is None and not os.access(folder, os.W_OK):
            reason = "cannot be written"
    except OSError as error:
        reason = error.strerror or str(error)
    return folder if reason is None else _private_folder(f"{folder}: {reason}")


@cache
def _private_folder(reason: str) -> Path:
    warnings.warn(f"layers in C are compiled anew by every process, as they cannot be kept in {reason}", stacklevel=2)
    folder = Path(tempfile.mkdtemp(prefix="gnm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _open_to_others(about: os.stat_result) -> str | None:
    """Why somebody else could have put something there; None if nobody could."""
    if about.st_uid != os.geteuid():
        return f"it belongs to user {about.st_uid}, and this is user {os.geteuid()}"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write there (mode {stat.S_IMODE(about.st_mode):o})"
    return None


def load_kept(folder: Path, key: str, fits: Callable[[ctypes.CDLL], bool]) -> ctypes.CDLL | None:
    """The library that was kept under a key; None if there is none.

    One that others could have written, that is incomplete, or that does not fit is removed.
    """
    for path in sorted(folder.glob(f"{key}-*.so")):
        library = _load_whole(path)
        if library is not None and fits(library):
            return library
        path.unlink(missing_ok=True)
    return None


def keep(built: Path, folder: Path, key: str) -> None:
    """Put a library into a folder, whole or not at all, under its key and the checksum of what it holds.

    Several processes may do so at once: the last one wins.
    """
    with built.open("rb") as file:
        checksum = hashlib.sha256(file.read()).hexdigest()
        os.fsync(file.fileno())
    built.chmod(0o600)
    os.replace(built, folder / f"{key}-{checksum}.so")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load_whole(path: Path) -> ctypes.CDLL | None:
    """Load the very file that is looked at, not another one that has its name by then."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    about = os.fstat(descriptor)
    if stat.S_ISREG(about.st_mode) and _open_to_others(about) is None:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            checksum = hashlib.sha256(file.read()).hexdigest()
        if path.stem.endswith(f"-{checksum}"):
            try:
                library = ctypes.CDLL(f"/proc/self/fd/{descriptor}")
            except OSError:
                pass
            else:
                _open.append(descriptor)
                return library
    os.close(descriptor)
    return None
