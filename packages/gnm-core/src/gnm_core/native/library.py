"""Compiles a folder of C on first use, keeps the result in the user's cache, and loads it."""

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import torch

FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC", "-fno-math-errno", "-fno-trapping-math")
SWITCH = "GNM_NATIVE"
"""`0` in this environment variable turns the C layers off."""


class Unavailable(Exception):
    """There can be no library here; the text says why."""


class _NotYet(Unavailable):
    """There will be one when there is time to compile it."""


def library(folder: Path) -> ctypes.CDLL | None:
    """The compiled functions of a folder; None where there are none, see `why_not`.

    Warns once if they should be there and are not.
    """
    found = _loaded(folder)
    if found.failure is not None and not found.told:
        found.told = True
        warnings.warn(f"PyTorch's own operations run instead of layers in C, slower: {found.failure}", stacklevel=2)
    return found.functions


def why_not(folder: Path) -> str | None:
    """Why there are no compiled functions here, for people; None if there are."""
    found = _loaded(folder)
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
_patient = ContextVar("patient", default=True)


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """Within this context nothing is compiled, which takes seconds: what is not there yet is left to PyTorch."""
    token = _patient.set(False)
    try:
        yield
    finally:
        _patient.reset(token)


def _loaded(folder: Path) -> _Found:
    if folder not in _found:
        try:
            _found[folder] = _Found(_built(folder))
        except _NotYet as reason:
            return _Found(missing=str(reason))  # and asked for again
        except Unavailable as reason:
            _found[folder] = _Found(missing=str(reason))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            failure = f"they could not be compiled: {getattr(error, 'stderr', None) or error}"
            _found[folder] = _Found(failure=failure)
    return _found[folder]


def _compiler() -> list[str]:
    """The command, with arguments of its own (`CC="ccache gcc"`)."""
    if os.environ.get(SWITCH) == "0":
        raise Unavailable(f"{SWITCH} is 0")
    if sys.platform != "linux":
        raise Unavailable(f"they are for Linux, and this is {sys.platform}")
    name, *arguments = shlex.split(os.environ.get("CC", "")) or ["gcc" if shutil.which("gcc") else "cc"]
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"there is no C compiler '{name}'")
    return [found, *arguments]


def _openmp() -> Path:
    """The OpenMP library that torch has loaded: threads of another one would stand in the way of torch's."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    mapped = {Path(line.split(maxsplit=5)[-1]) for line in lines if "libgomp" in line}
    home = Path(torch.__file__).parent
    ours = [path for path in mapped if path.is_relative_to(home) or path.is_relative_to(home.parent / "torch.libs")]
    candidates = ours or list(mapped)  # scikit-learn, for one, brings a library of its own
    if len(candidates) != 1:
        raise Unavailable("torch's threads are not those of GNU OpenMP")
    return candidates[0]


def _built(folder: Path) -> ctypes.CDLL:
    """The library, built unless this source was built before by this compiler on such a processor."""
    compiler, openmp = _compiler(), _openmp()
    key = hashlib.sha256(repr((FLAGS, openmp, _identity(compiler))).encode())
    for path in sorted(folder.glob("*.[ch]")):
        key.update(path.read_bytes())
    target = _cache() / f"layers-{key.hexdigest()[:20]}.so"
    if target.exists():
        try:
            return ctypes.CDLL(str(target))
        except OSError:
            pass  # damaged: it is built again
    if not _patient.get():
        raise _NotYet("they have not been compiled yet")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as new:
        built = f"{new}/layers.so"
        sources = [str(source) for source in sorted(folder.glob("*.c"))]
        command = [*compiler, *FLAGS, "-shared", "-o", built, *sources, str(openmp), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
        functions = ctypes.CDLL(built)  # only what can be loaded is kept
        os.replace(built, target)  # several processes may build at once: the last one wins
    return functions


def _identity(compiler: list[str]) -> tuple[list[str], int, int, str]:
    """What the machine code depends on besides the source."""
    path = Path(compiler[0]).resolve()
    about = path.stat()
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))]
    return [str(path), *compiler[1:]], about.st_size, about.st_mtime_ns, cpu[0] if cpu else ""


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(given or Path.home() / ".cache") / "gnm"
    except RuntimeError as error:
        raise Unavailable(f"there is no folder to compile them in ({error}); set XDG_CACHE_HOME") from error
