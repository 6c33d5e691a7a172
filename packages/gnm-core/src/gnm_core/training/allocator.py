"""Memory that the C library keeps for the next step, rather than hand it back to the system after each."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process reuse what large tensors leave; to be called before the first of them is made.

    glibc maps every large block anew and unmaps it when freed, so that each step touches gigabytes of new pages, which
    costs a fifth of the time of the larger models. Peak memory stays as it is, but does not fall between steps.

    Returns:
        Whether this C library has such settings; where it has not, nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all([mallopt(_ARENA_MAX, 1), mallopt(_MMAP_THRESHOLD, _MOST), mallopt(_TRIM_THRESHOLD, _MOST)])
