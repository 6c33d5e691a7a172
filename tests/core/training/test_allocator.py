"""Freed memory stays with the process: the next large tensor touches no new pages."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
from gnm_core.training.allocator import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
for _ in range(2):
    bytearray(1 << 27)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(1 << 27)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    command = [sys.executable, "-c", SCRIPT.format(keep=keep)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_used_again() -> None:
    assert faults(keep=True) < 100 < faults(keep=False)
