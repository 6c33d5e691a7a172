"""Whether there is memory for what is about to be made: asked before, as nobody can ask after."""

import os
from pathlib import Path

from gnm_core.errors import ShortageError

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Of the group of processes, as containers have them: how much it may take, and how much it has."""


def require_memory(needed: int, what: str) -> None:
    """See that the machine has so much memory, counting what other programs have already.

    Args:
        needed: bytes.
        what: what they are for, such as `the model's weights`.

    Raises:
        ShortageError: it has not; the text has both numbers.
    """
    total, free = memory()
    if needed > free:
        raise ShortageError(
            f"{what} would need about {_shown(needed)} of memory, and this machine has {_shown(total)}, "
            f"{_shown(free)} of it free"
        )


def memory() -> tuple[int, int]:
    """(all, free) in bytes, of this machine or of the container; as good as endless where the system does not say."""
    endless = 2**63
    total = free = endless
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
        known = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = 1024 * int(known["MemAvailable"].split()[0])  # what caches would give back counts as free
    except (AttributeError, OSError, ValueError, KeyError):
        pass
    for most, used in _LIMITS:
        try:
            limit = int(Path(most).read_text())
            total, free = min(total, limit), min(free, limit - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return total, max(free, 0)


def _shown(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
