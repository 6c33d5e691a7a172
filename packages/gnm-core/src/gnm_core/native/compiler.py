"""Compiles a folder of C to one library."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gnm_core.native.errors import Unavailable
from gnm_core.native.openmp import SOURCE as OPENMP

FLAGS = ("-O3", "-fopenmp", "-fPIC", "-fno-math-errno", "-fno-trapping-math")
FOR_THIS_PROCESSOR = ("-march=native",)
SECONDS = 300
"""After which a compiler hangs."""


def find_compiler() -> list[str]:
    """The command, with arguments of its own (`CC="ccache gcc"`).

    Raises:
        Unavailable: there is none.
    """
    name, *arguments = shlex.split(os.environ.get("CC", "")) or ["gcc" if shutil.which("gcc") else "cc"]
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"there is no C compiler '{name}'")
    return [found, *arguments]


def sources(folder: Path) -> list[Path]:
    """All that a library of this folder is made of, headers included."""
    return [*sorted(folder.glob("*.[ch]")), OPENMP]


def compile_library(folder: Path, built: Path, *, compiler: Sequence[str], processor: Sequence[str]) -> None:
    """Compile every C file of a folder, all at the same time, and link them.

    The library calls no other than libc and libm: OpenMP's functions are handed to it when it is loaded.

    Args:
        folder: of the C files.
        built: the library; other files are left beside it.
        compiler: command and arguments.
        processor: flags that say for which processor.

    Raises:
        subprocess.SubprocessError: it fails, `stderr` says why, or hangs.
        OSError: there is no room, say.
    """
    objects = {source: built.with_name(f"{source.stem}.o") for source in sources(folder) if source.suffix == ".c"}

    def compile_one(source: Path) -> None:
        _run([*compiler, *FLAGS, *processor, "-c", str(source), "-o", str(objects[source])])

    with ThreadPoolExecutor() as pool:
        list(pool.map(compile_one, objects))
    _run([*compiler, "-shared", "-Wl,--no-undefined", "-o", str(built), *map(str, objects.values()), "-lm"])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
