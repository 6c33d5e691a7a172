"""The toy plugin of the trainings' tests, and studies of its model."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.errors import GnmError
from gnm_core.plugins import installed
from gnm_core.studies import processes
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.planned import PlannedRun
from gnm_core.studies.schedule import Ended
from gnm_core.studies.work import work
from ruamel.yaml import YAML

TOYS = Path(__file__).parents[1] / "training"


@pytest.fixture(autouse=True)
def toy_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For this process and those that it starts."""
    monkeypatch.syspath_prepend(str(TOYS))
    monkeypatch.setenv("PYTHONPATH", str(TOYS))
    installed.cache_clear()
    yield
    sys.modules.pop("toy_training", None)
    installed.cache_clear()


@pytest.fixture
def gnm() -> Callable[..., Result]:
    """The command."""
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """Writes a study of the toy model: `study(grid=..., seeds=[0, 1])`."""

    def make(name: str = "toys", **sections: Any) -> Path:
        base = {
            "dims": {"channels": 1, "size": 8, "grid": 2, "what": 4},
            "model": {"use": "toy"},
            "data": {"use": "toy"},
            "train": {"steps": 6, "batch": 8, "checkpoint_every": 2, "picture_every": 0, "log_every": 2},
        }
        sections = {"spec": base, "evaluate": {"metrics": ["reconstruction"], "images": 8}} | sections
        path = tmp_path / f"{name}.yaml"
        YAML().dump(sections, path)
        return path

    return make


class _Here:
    """A run that was done in this process, in a tenth of the time."""

    def __init__(self, folder: StudyFolder, planned: PlannedRun) -> None:
        try:
            self._ended = Ended(work(folder.root, planned.name))
        except GnmError:
            self._ended = Ended(2)

    def ended(self) -> Ended:
        return self._ended

    def stop(self) -> None:
        """It has ended."""


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are done here, not in processes of their own."""
    monkeypatch.setattr(processes.Processes, "begin", lambda self, folder, planned: _Here(folder, planned))
    monkeypatch.setattr("gnm_core.studies.schedule.PAUSE", 0)
