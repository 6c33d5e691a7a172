"""Compiled code runs on torch's threads, and no other library for threads is ever loaded for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gnm_core.native.call import LAYERS

pytestmark = pytest.mark.skipif(not LAYERS.can_take(), reason=f"nothing in C: {LAYERS.why_not()}")

COUNT = """
#include <stdint.h>
int omp_get_num_threads(void);
int count_threads(float *x, int threads)
{
#pragma omp parallel num_threads(threads)
    x[0] = omp_get_num_threads();
    return 0;
}
"""


def output(tmp_path: Path, program: str) -> list[str]:
    """What a program prints that has these functions."""
    (tmp_path / "csrc").mkdir()
    (tmp_path / "csrc" / "count.c").write_text(COUNT)
    code = (
        "import os, sys, torch; from pathlib import Path; from gnm_core.native.call import Functions\n"
        "functions, x = Functions(Path(sys.argv[1]), ('count_threads',)), torch.zeros(1)\n"
        f"{program}"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "csrc")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_it_runs_on_as_many_threads_as_torch_and_starts_none_of_its_own(tmp_path: Path) -> None:
    program = (
        "torch.set_num_threads(3)\n"
        "torch.rand(3_000_000).exp()\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "functions.call('count_threads', x)\n"
        "print(int(x), len(os.listdir('/proc/self/task')) - before)"
    )
    assert output(tmp_path, program) == ["3", "0"]


def test_no_second_library_is_loaded(tmp_path: Path) -> None:
    program = (
        "functions.call('count_threads', x)\n"
        "print(*{line.split()[-1] for line in open('/proc/self/maps') if 'gomp' in line or 'libomp' in line})"
    )
    (loaded,) = output(tmp_path, program)
    assert "torch" in loaded


def test_the_threads_are_torchs_whatever_else_is_loaded(tmp_path: Path) -> None:
    """scikit-learn brings a library for threads of its own."""
    program = (
        "import sklearn.cluster\n"
        "from gnm_core.native.openmp import torchs_openmp\n"
        "torch.set_num_threads(2)\n"
        "torch.rand(3_000_000).exp()\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "functions.call('count_threads', x)\n"
        "print(int(x), len(os.listdir('/proc/self/task')) - before, torchs_openmp())"
    )
    threads, started, path = output(tmp_path, program)
    assert (threads, started) == ("2", "0")
    assert "torch" in path


def test_libraries_name_no_other_than_libc_and_libm(tmp_path: Path) -> None:
    output(tmp_path, "functions.call('count_threads', x)")
    found = list((Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gnm").glob("*-*-*.so"))
    assert found
    for path in found:
        assert b"libgomp" not in path.read_bytes()
