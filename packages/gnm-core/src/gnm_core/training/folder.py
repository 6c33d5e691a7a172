"""A run's folder: made once, used by one training at a time."""

import json
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.regular_files import read_file
from gnm_core.runs import at_work
from gnm_core.runs.checkpoint import Checkpoints
from gnm_core.runs.contents import read_settings
from gnm_core.runs.origins import NAME as ORIGIN


class RunFolder:
    """`RUN/`: `spec.yaml`, `settings.json`, `metrics.jsonl`, `checkpoints/`, `pictures/`, and a lock.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spec, self.metrics, self.pictures = root / "spec.yaml", root / "metrics.jsonl", root / "pictures"
        self.settings = root / "settings.json"
        self.checkpoints = Checkpoints(root)
        self.best = Checkpoints(root, "best")
        self._lock: FileLock | None = None

    def create(self) -> None:
        """Make a folder for a new run, and lock it.

        Raises:
            RunError: there is something in it already, it cannot be written, or another training is at work there.
        """
        with os_errors_as(RunError, f"{self.root}: cannot make this folder"):
            self.root.mkdir(parents=True, exist_ok=True)
        self.lock()
        if self.spec.exists():
            raise RunError(
                f"{self.root} already holds a run; go on with it by --resume {self.root}, or choose another folder"
            )
        # A training that was killed before it wrote its spec leaves no more than this.
        ours = (self.settings.name, ORIGIN, self.checkpoints.folder.name)
        names = [entry.name for entry in self.root.iterdir()]
        strangers = [name for name in names if not name.startswith(".") and name not in ours]
        if strangers:
            raise RunError(f"{self.root} is not empty ({', '.join(sorted(strangers)[:3])}); choose another folder")

    def open(self) -> None:
        """Lock the folder of a run, and tidy up what a killed training left half-done.

        Raises:
            RunError: it is not a run, cannot be written, or another training is at work there.
        """
        if not self.root.is_dir():
            raise RunError(f"{self.root}: there is no such folder")
        for needed in (self.settings, self.spec):
            if not needed.exists():
                raise RunError(f"{self.root}: not a run (it has no {needed.name})")
        self.lock()
        self.checkpoints.clean()

    def lock(self) -> None:
        """Keep others out until `release`; the system releases it when the process dies."""
        lock = FileLock(self.root / ".lock")
        with os_errors_as(RunError, f"{self.root}: cannot be locked"):
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise RunError(f"{self.root}: another training is at work in this folder") from error
        self._lock = lock
        at_work.note(self.root)

    def release(self) -> None:
        """Let others in."""
        if self._lock is not None:
            at_work.forget(self.root)
            self._lock.release()
            self._lock = None

    def write_spec(self, text: str) -> None:
        """Put the resolved spec in place."""
        with os_errors_as(RunError, f"{self.spec}: cannot be written"):
            replace_file(self.spec, text.encode())

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Note the settings that a resumed training takes over."""
        with os_errors_as(RunError, f"{self.settings}: cannot be written"):
            replace_file(self.settings, json.dumps(settings, indent=2).encode())

    def read_settings(self) -> dict[str, Any]:
        """The settings of the last training in this folder; empty where there was none.

        Raises:
            RunError: the file is damaged.
        """
        if not self.settings.exists():
            return {}
        with os_errors_as(RunError, f"{self.settings}: cannot be read"):
            content = read_file(self.settings)
        return read_settings(content, self.settings)
