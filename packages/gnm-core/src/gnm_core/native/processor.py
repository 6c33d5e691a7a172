"""Which of the libraries that a wheel carries this processor can run."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Level:
    """A kind of processor that a wheel carries a library for."""

    name: str
    flags: tuple[str, ...]
    """For the compiler."""
    features: frozenset[str]
    """What the processor must have, as /proc/cpuinfo names it."""


_V3 = frozenset(["avx2", "fma", "bmi1", "bmi2", "f16c", "abm", "movbe"])
_V4 = _V3 | frozenset(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
_AMX = _V4 | frozenset(["avx512_bf16", "amx_tile", "amx_bf16"])

LEVELS = (
    Level("amx", ("-march=x86-64-v4", "-mavx512bf16", "-mamx-tile", "-mamx-bf16"), _AMX),
    Level("avx512", ("-march=x86-64-v4",), _V4),
    Level("avx2", ("-march=x86-64-v3",), _V3),
)
"""The best first."""


@cache
def features() -> frozenset[str]:
    """What this processor has, as /proc/cpuinfo names it; empty where there is no such file."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    found = [line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))]
    return frozenset(found[0].split()) if found else frozenset()


def is_x86_64() -> bool:
    """Whether this is a processor of the kind that wheels carry libraries for."""
    return platform.machine() == "x86_64"


def carried(folder: Path) -> Iterator[Path]:
    """The libraries beside a folder of C that a wheel brought and this processor can run, the best first."""
    if is_x86_64():
        for level in LEVELS:
            path = folder / f"{level.name}.so"
            if level.features <= features() and path.exists():
                yield path
