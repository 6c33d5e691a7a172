"""The compiled functions of a folder of C: those that the wheel carries, those in the user's cache, or compiled now."""

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gnm_core.native import cache, processor
from gnm_core.native.compiler import FLAGS, FOR_THIS_PROCESSOR, compile_library, find_compiler, sources
from gnm_core.native.errors import Unavailable
from gnm_core.native.openmp import share_threads

SWITCH = "GNM_NATIVE"
"""`0` in this environment variable turns compiled code off."""


def library(folder: Path, names: Sequence[str]) -> ctypes.CDLL | None:
    """The compiled functions of a folder; None where there are none, see `why_not`.

    Warns once if they should be there and are not.

    Args:
        folder: of C files, an absolute path.
        names: the functions that must be in it.
    """
    found = _loaded(folder, names)
    if found.failure is not None and not found.told:
        found.told = True
        warnings.warn(f"PyTorch's own operations run instead of layers in C, slower: {found.failure}", stacklevel=2)
    return found.functions


def why_not(folder: Path, names: Sequence[str]) -> str | None:
    """Why there are no compiled functions here, for people; None if there are."""
    found = _loaded(folder, names)
    return found.missing or found.failure


@dataclass
class _Found:
    functions: ctypes.CDLL | None = None
    missing: str | None = None
    """What they would need."""
    failure: str | None = None
    """What went wrong although everything is there."""
    told: bool = False
    """Whether the failure has been warned of."""


_found: dict[Path, _Found] = {}


def _loaded(folder: Path, names: Sequence[str]) -> _Found:
    if folder not in _found:
        try:
            _found[folder] = _Found(_carried(folder, names) or _kept_or_compiled(folder, names))
        except Unavailable as reason:
            _found[folder] = _Found(missing=str(reason))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            failure = f"they could not be compiled: {getattr(error, 'stderr', None) or error}"
            _found[folder] = _Found(failure=failure)
    return _found[folder]


def _carried(folder: Path, names: Sequence[str]) -> ctypes.CDLL | None:
    """What the wheel brought, which is trusted as its Python code is."""
    if os.environ.get(SWITCH) == "0":
        raise Unavailable(f"{SWITCH} is 0")
    if sys.platform != "linux":
        raise Unavailable(f"they are for Linux, and this is {sys.platform}")
    for path in processor.carried(folder):
        functions = ctypes.CDLL(str(path))
        if _has(functions, names):
            share_threads(functions)
            return functions
    return None


def _kept_or_compiled(folder: Path, names: Sequence[str]) -> ctypes.CDLL:
    """The library, compiled unless this source was compiled before by this compiler for such a processor."""
    compiler = find_compiler()
    digest = hashlib.sha256(repr((FLAGS, FOR_THIS_PROCESSOR, _identity(compiler))).encode())
    for path in sources(folder):
        digest.update(path.read_bytes())
    key, kept = f"layers-{digest.hexdigest()[:20]}", cache.cache_folder()
    functions = cache.load_kept(kept, key, lambda library: _has(library, names))
    if functions is None:
        with tempfile.TemporaryDirectory(dir=kept) as new:
            built = Path(new) / "library.so"
            compile_library(folder, built, compiler=compiler, processor=FOR_THIS_PROCESSOR)
            functions = ctypes.CDLL(str(built))  # only what can be loaded is kept
            if not _has(functions, names):
                raise ValueError(f"one of the functions {', '.join(names)} is not in the files of {folder}")
            cache.keep(built, kept, key)
    share_threads(functions)
    return functions


def _has(functions: ctypes.CDLL, names: Sequence[str]) -> bool:
    return all(hasattr(functions, name) for name in (*names, "openmp_names", "openmp_functions"))


def _identity(compiler: list[str]) -> tuple[list[str], int, int, list[str]]:
    """What the machine code depends on besides the source."""
    path = Path(compiler[0]).resolve()
    about = path.stat()
    return [str(path), *compiler[1:]], about.st_size, about.st_mtime_ns, sorted(processor.features())
