"""Does the runs of a study, each after what it begins with, some at a time; wherever they run."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from filelock import FileLock, Timeout

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.planned import PlannedRun

PAUSE = 0.2
"""Seconds between two looks at what is at work."""
STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""What a run ends with that was stopped and saved."""


class Job(Protocol):
    """A run at work."""

    def ended(self) -> "Ended | None":
        """How it ended; None while it is at work."""

    def stop(self) -> None:
        """Ask it to save and end."""


class Place(Protocol):
    """Where runs are done."""

    def begin(self, folder: StudyFolder, planned: PlannedRun) -> Job:
        """Let a run begin, or go on."""

    def close(self) -> None:
        """Nothing more is to come."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    """0 when it is done."""
    why: str = ""
    """What went wrong, where it could not say so itself."""


@dataclass(frozen=True)
class Result:
    """How a study ended, for now."""

    done: tuple[str, ...]
    """Names of runs."""
    failed: dict[str, str]
    """Name to why."""
    waiting: tuple[str, ...]
    """Runs that were stopped or could not begin."""
    received: int | None
    """The signal that stopped it; None for its own end."""


def do_runs(folder: StudyFolder, place: Place, at_once: int | None, say: Callable[[str], None]) -> Result:
    """Do what is left of a study. A run that fails keeps none but those that begin with it from being done.

    Args:
        folder: the study.
        place: where.
        at_once: runs at a time; None for no limit.
        say: told of every beginning and end.

    Raises:
        RunError: another process does this study at the moment.
    """
    lock = FileLock(folder.root / ".lock")
    with ExitStack() as stack:
        with os_errors_as(RunError, f"{folder.root}: cannot be locked"):
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise RunError(f"{folder.root}: this study is being done already; see --status") from error
        stack.callback(lock.release)
        stack.callback(place.close)
        return _Schedule(folder, place, at_once, say).run(stack)


class _Schedule:
    def __init__(self, folder: StudyFolder, place: Place, at_once: int | None, say: Callable[[str], None]) -> None:
        self.folder, self.place, self.say = folder, place, say
        self.at_once = at_once or len(folder.planned)
        self.done = [run.name for run in folder.planned if folder.is_done(run)]
        self.left = [run for run in folder.planned if run.name not in self.done]
        self.failed: dict[str, str] = {}
        self.stopped: list[str] = []
        self.at_work: dict[str, tuple[PlannedRun, Job]] = {}
        self.received: int | None = None

    def run(self, stack: ExitStack) -> Result:
        self._listen(stack)
        if self.done:
            self.say(f"{len(self.done)} of {len(self.folder.planned)} runs are done already")
        while True:
            self._begin_some()
            if not self.at_work:
                break
            time.sleep(PAUSE)
            for name in list(self.at_work):
                planned, job = self.at_work[name]
                ended = job.ended()
                if ended is not None:
                    del self.at_work[name]
                    self._end(planned, ended)
        waiting = [run.name for run in self.left] + self.stopped
        return Result(tuple(self.done), self.failed, tuple(waiting), self.received)

    def _listen(self, stack: ExitStack) -> None:
        """The first signal stops the runs, saved."""

        def note(number: int, frame: FrameType | None) -> None:
            again, self.received = self.received is not None, number
            if not again:
                self.say("stopping: the runs save what they have; the same command goes on")
                for _, job in self.at_work.values():
                    job.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, note))

    def _begin_some(self) -> None:
        for planned in list(self.left):
            before = planned.begins_with
            if before is not None and before in self.failed:
                self.left.remove(planned)
                self.failed[planned.name] = f"{before}, which it begins with, failed"
                self.say(f"{planned.name}: not begun: {self.failed[planned.name]}")
            elif self.received is None and len(self.at_work) < self.at_once and (before is None or before in self.done):
                self.left.remove(planned)
                self.folder.note_failure(planned, "")
                begun = (self.folder.run(planned) / "spec.yaml").exists()
                self.say(f"{planned.name}: {'goes on' if begun else 'begins'}")
                self.at_work[planned.name] = (planned, self.place.begin(self.folder, planned))

    def _end(self, planned: PlannedRun, ended: Ended) -> None:
        if ended.code == 0 and self.folder.is_done(planned):
            self.done.append(planned.name)
            self.say(f"{planned.name}: done ({len(self.done)} of {len(self.folder.planned)})")
        elif self.received is not None and ended.code in STOPPED:
            self.stopped.append(planned.name)
        else:
            why = self.folder.failure(planned) or ended.why or f"ended with code {ended.code}"
            self.failed[planned.name] = why
            self.folder.note_failure(planned, why)
            self.say(f"{planned.name}: failed: {why}\n  all it said: {self.folder.log(planned)}")
