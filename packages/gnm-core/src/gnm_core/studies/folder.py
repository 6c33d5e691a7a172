"""A study on disk: its file, its runs, what they said, and which of them are done."""

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.plugin_files import KEY, executed_files, missing_files
from gnm_core.regular_files import read_file
from gnm_core.spec.yaml import dump
from gnm_core.spec.yaml import read_file as read_yaml
from gnm_core.studies.checks import rooted, see_runs
from gnm_core.studies.plan import Options, Study, plain_study, read_study, study_of
from gnm_core.studies.planned import PlannedRun, planned_runs

FILE = "study.yaml"
RECORD = "settings.json"
"""Which files of parts the study was begun with."""
DONE = "study-done.json"
"""In a run's folder: what the study asked for when it was trained and measured."""


@dataclass(frozen=True)
class StudyFolder:
    """`STUDY/`: `study.yaml`, `runs/NAME/`, `logs/NAME.txt`, `leaderboard.html` and `leaderboard.md`."""

    root: Path
    study: Study

    @cached_property
    def planned(self) -> tuple[PlannedRun, ...]:
        """All runs."""
        return planned_runs(self.study)

    def named(self, name: str) -> PlannedRun:
        """The run of that name."""
        return next(run for run in self.planned if run.name == name)

    def run(self, planned: PlannedRun) -> Path:
        """Where a run is or would be."""
        return self.root / "runs" / planned.name

    def log(self, planned: PlannedRun) -> Path:
        """What a run said."""
        return self.root / "logs" / f"{planned.name}.txt"

    def failure(self, planned: PlannedRun) -> str:
        """Why a run failed the last time; empty where it did not."""
        path = self._failure(planned)
        try:
            return read_file(path).decode(errors="replace").strip() if path.exists() else ""
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"

    def note_failure(self, planned: PlannedRun, why: str) -> None:
        """Note why a run failed; nothing for one that begins anew."""
        path = self._failure(planned)
        with os_errors_as(RunError, f"{path}: cannot be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if why:
                replace_file(path, why.encode())
            else:
                path.unlink(missing_ok=True)

    def is_done(self, planned: PlannedRun) -> bool:
        """Whether a run was trained and measured as the study asks for now."""
        path = self.run(planned) / DONE
        try:
            return bool(json.loads(read_file(path)) == self._asked(planned)) if path.exists() else False
        except (OSError, ValueError):
            return False

    def mark_done(self, planned: PlannedRun) -> None:
        """Note that a run is trained and measured."""
        path = self.run(planned) / DONE
        with os_errors_as(RunError, f"{path}: cannot be written"):
            replace_file(path, json.dumps(self._asked(planned), indent=1).encode())

    def _asked(self, planned: PlannedRun) -> dict[str, Any]:
        asked = plain_study(self.study)
        first = asked["first"] or {}
        mine = planned.measures is not None
        return {
            "overrides": list(planned.overrides),
            "budget": asked["budget"] if mine else first.get("budget"),
            "evaluate": asked["evaluate"] if mine else None,
        }

    def _failure(self, planned: PlannedRun) -> Path:
        return self.root / "logs" / f"{planned.name}.failed"


def open_study(folder: Path, *, to_train: bool = False) -> StudyFolder:
    """A study that was begun.

    Args:
        folder: the study's.
        to_train: whether its runs are to be made: the files that it was begun with (`--plugin`) must be there.

    Raises:
        RunError: there is none, or a file with parts is missing.
        SpecError: its file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        raise RunError(f"{folder}: not a study (it has no {FILE})")
    missing = missing_files(folder) if to_train else []
    if missing:
        raise RunError(f"{folder}: " + "\n".join(file.wanted for file in missing))
    return StudyFolder(folder, read_study(path))


def check_study(file: Path, out: Path, extra: Options) -> StudyFolder:
    """A study from its file, all of it checked; nothing is written.

    Args:
        file: the study's.
        out: its folder.
        extra: options of all runs, from the command line.

    Raises:
        SpecError: the study or the spec of one of its runs has problems.
    """
    table = read_yaml(file)
    study = rooted(study_of(table), table, file.resolve().parent)
    folder = StudyFolder(out, replace(study, set={**study.set, **extra}))
    see_runs(folder.study, table)
    return folder


def begin_study(file: Path, out: Path, extra: Options) -> StudyFolder:
    """A study from its file, with its folder made; what was done there before stays.

    Args:
        file: the study's.
        out: its folder; a study that was begun there goes on.
        extra: options of all runs, from the command line.

    Raises:
        SpecError: the study or the spec of one of its runs has problems; nothing is begun.
        RunError: the folder cannot be written.
    """
    folder = check_study(file, out, extra)
    if (out / "spec.yaml").exists():
        raise RunError(f"{out} is a run, not a study; choose another folder by --out")
    with os_errors_as(RunError, f"{out}: cannot be written"):
        for name in ("runs", "logs"):
            (out / name).mkdir(parents=True, exist_ok=True)
        files = {file.name: asdict(file) for file in executed_files()}
        replace_file(out / RECORD, json.dumps({KEY: files}, indent=1).encode())
        replace_file(out / FILE, dump(plain_study(folder.study)).encode())
    return folder
