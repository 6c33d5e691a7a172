"""Who trains in a run's folder, for whoever looks: a note beside the lock, so that looking takes no lock.

The lock alone decides who may train. Taking it to see whether it is free would turn away a training that begins at
that moment.
"""

import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from gnm_core.files import replace_file
from gnm_core.regular_files import read_file

NAME = ".process.json"
SILENT = 600
"""Seconds without a record after which a training of another machine counts as gone."""


def note(folder: Path) -> None:
    """Say that this process trains here. A note that cannot be written costs nothing."""
    about = {"host": socket.gethostname(), "pid": os.getpid(), "begun": _begun(os.getpid())}
    with suppress(OSError):
        replace_file(folder / NAME, json.dumps(about).encode())


def forget(folder: Path) -> None:
    """This process trains here no more."""
    with suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def at_work(folder: Path) -> str:
    """`process 123`, or `process 123 on HOST`; empty where nobody trains, or whoever did was killed."""
    try:
        about = json.loads(read_file(folder / NAME))
        host, pid = str(about["host"]), int(about["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if host != socket.gethostname():
        return f"process {pid} on {host}" if time.time() - _last_sign(folder) < SILENT else ""
    if not _lives(pid) or about.get("begun") != _begun(pid):
        return ""
    return f"process {pid}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _begun(pid: int) -> str | None:
    """When a process began, in ticks since boot, where the system says; a number may serve a second process."""
    try:
        return read_file(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return None


def _last_sign(folder: Path) -> float:
    signs = [folder / NAME, folder / "metrics.jsonl"]
    return max((path.stat().st_mtime for path in signs if path.exists()), default=0.0)
