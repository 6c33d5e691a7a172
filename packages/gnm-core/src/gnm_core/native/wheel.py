"""Libraries that a wheel for Linux on x86-64 carries, compiled when each package's `hatch_build.py` builds it."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gnm_core.native.compiler import compile_library, find_compiler
from gnm_core.native.errors import Unavailable
from gnm_core.native.processor import LEVELS, is_x86_64


class Carried:
    """The libraries of one package's wheel.

    Args:
        source: folder of the package's modules, such as `packages/gnm-core/src`.
        folder: of C files, below it.
    """

    def __init__(self, source: Path, folder: str) -> None:
        self._source, self._folder = source, folder
        self._new = Path(tempfile.mkdtemp(prefix="gnm-wheel-"))

    def add_to(self, build_data: dict[str, Any]) -> str:
        """Compile one for each kind of processor and put them into hatch's wheel beside the C files.

        The wheel is then one of `manylinux`, for any version of Python and torch: compiled code knows neither.

        Returns:
            What was done, or why the wheel carries none.
        """
        if sys.platform != "linux" or not is_x86_64():
            return "compiled libraries are carried on Linux and x86-64 alone"
        try:
            compiler = find_compiler()
        except Unavailable as reason:
            return f"the wheel carries no compiled libraries: {reason}"
        for level in LEVELS:
            built = self._new / level.name / f"{level.name}.so"
            built.parent.mkdir()
            try:
                compile_library(self._source / self._folder, built, compiler=compiler, processor=level.flags)
            except subprocess.CalledProcessError as error:
                raise RuntimeError(f"the library for {level.name} cannot be compiled: {error.stderr}") from error
            build_data["force_include"][str(built)] = f"{self._folder}/{built.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_{self._glibc()}_x86_64"
        return f"the wheel carries {', '.join(level.name for level in LEVELS)}, compiled by {compiler[0]}"

    def remove(self) -> None:
        """Remove the compiled files, once they are in the wheel."""
        shutil.rmtree(self._new, ignore_errors=True)

    def _glibc(self) -> int:
        """The least version 2.N of the C library that has what they call; at least that of manylinux2014."""
        called = [re.findall(rb"GLIBC_2\.(\d+)", path.read_bytes()) for path in self._new.glob("*/*.so")]
        return max([17, *(int(version) for versions in called for version in versions)])
