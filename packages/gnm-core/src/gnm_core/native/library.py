"""Compiles this package's C on first use, keeps the result in the user's cache, and loads it."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

SOURCES = ("celu_norm", "sigmoid_shuffle")
VARIANTS = {"float32": (), "bfloat16": ("-DBFLOAT",)}
FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC", "-fno-math-errno", "-fno-trapping-math")
SWITCH = "GNM_NATIVE"
"""`0` in this environment variable turns the C layers off."""


class Unavailable(Exception):
    """There can be no library here; the text says why."""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled layers; None where there are none, see `why_not`."""
    try:
        return ctypes.CDLL(str(_built()))
    except Unavailable:
        return None
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or error
        warnings.warn(
            f"the C layers cannot be used, so PyTorch's own operations run instead, slower: {said}", stacklevel=2
        )
        return None


def why_not() -> str | None:
    """Why there are no compiled layers here, for people; None if there are."""
    if library() is not None:
        return None
    try:
        _compiler()
        _openmp()
    except Unavailable as reason:
        return str(reason)
    return "they could not be compiled"


def _compiler() -> str:
    if os.environ.get(SWITCH) == "0":
        raise Unavailable(f"{SWITCH} is 0")
    if sys.platform != "linux":
        raise Unavailable(f"they are for Linux, and this is {sys.platform}")
    name = os.environ.get("CC", "cc")
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"there is no C compiler '{name}'")
    return found


def _openmp() -> str:
    """The OpenMP library that torch has loaded: threads of another one would stand in the way of torch's."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if Path(path).name.startswith("libgomp"):
            return path
    raise Unavailable("torch's threads are not those of GNU OpenMP")


def _built() -> Path:
    """The library, built unless this source was built before by this compiler on such a processor."""
    compiler, openmp = _compiler(), _openmp()
    here = Path(__file__).parent
    key = hashlib.sha256(repr((FLAGS, VARIANTS, openmp, _identity(compiler))).encode())
    for path in sorted(here.glob("*.[ch]")):
        key.update(path.read_bytes())
    target = _cache() / f"layers-{key.hexdigest()[:20]}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            objects = []
            for name in SOURCES:
                for variant, defines in VARIANTS.items():
                    objects.append(f"{folder}/{name}-{variant}.o")
                    _run([compiler, *FLAGS, *defines, "-c", f"{here / name}.c", "-o", objects[-1]])
            _run([compiler, "-shared", "-o", f"{folder}/layers.so", *objects, openmp, "-lm"])
            os.replace(f"{folder}/layers.so", target)  # several processes may build at once: the last one wins
    return target


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)


def _identity(compiler: str) -> tuple[str, int, int, str]:
    """What the machine code depends on besides the source."""
    path = Path(compiler).resolve()
    about = path.stat()
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))]
    return str(path), about.st_size, about.st_mtime_ns, cpu[0] if cpu else ""


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gnm"
