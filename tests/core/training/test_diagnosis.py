"""A training says in words what goes wrong, once it has lasted, and again when it has passed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from gnm_core import load_spec
from gnm_core.cli import main
from gnm_core.diagnosis.rules import Finding
from gnm_core.training.device import Settings
from gnm_core.training.diagnosis import Diagnosis
from gnm_core.training.flatness import Flatness
from gnm_core.training.loop import start
from gnm_core.training.progress import Silent

FAULT = Finding("no objects", "0.00 objects", "Ask for objects")


class Listening(Diagnosis):
    """A diagnosis whose looks are given, and whose words are kept."""

    def __init__(self, faults: dict[int, list[Finding]]) -> None:
        self.faults, self.said = faults, list[str]()
        learner = type("Steps", (), {"step": 0})()
        super().__init__(learner, lambda step, text, **more: self.said.append(f"{step}: {text}"))

    def after(self, step: int) -> None:
        self._learner.step = step
        self.tell()

    def _look(self) -> list[Finding]:
        return self.faults.get(self._learner.step, [])


def test_a_fault_is_named_at_step_200_once_and_so_is_its_end() -> None:
    watch = Listening({step: [FAULT] for step in range(100, 900, 100)})
    for step in range(1, 1200):
        watch.after(step)
    assert watch.said == [
        "200: no objects: 0.00 objects. Ask for objects (since step 100)",
        "900: no objects: recovered",
    ]


def test_a_fault_that_passes_is_not_named() -> None:
    watch = Listening({step: [FAULT] for step in (100, 300, 700, 1000)})
    for step in range(1, 1500):
        watch.after(step)
    assert not watch.said


def test_a_look_that_fails_is_told_and_costs_no_training() -> None:
    class Failing(Listening):
        def _look(self) -> list[Finding]:
            raise ValueError("no picture")

    watch = Failing({})
    for step in range(1, 500):
        watch.after(step)
    (said,) = watch.said
    assert said.startswith("100: no diagnosis from here on:")
    assert watch.at_the_end() == []


def test_what_rises_is_not_flat_and_what_stays_is() -> None:
    torch.manual_seed(0)
    noise = torch.randn(90).tolist()
    rising, staying, turning = Flatness(), Flatness(), Flatness()
    for i in range(90):
        rising.add(50 * i, 0.5 * i + noise[i], "a")
        staying.add(50 * i, noise[i], "a")
        turning.add(50 * i, noise[i], "a" if i < 70 else "b")
    assert rising.since() is None
    assert staying.since() == 50 * 30
    assert turning.since() is None  # what it is measured by has changed


@pytest.mark.parametrize("rate", [1e-12])
def test_a_training_that_learns_nothing_says_so(rate: float, toy: Callable[..., Any], tmp_path: Path) -> None:
    spec = toy(steps=400, log_every=5, checkpoint_every=400, optimizer={"use": "adam", "lr": rate})
    outcome = start(load_spec(spec), tmp_path / "run", Settings(), Silent())
    assert "loss flat" in [finding.name for finding in outcome.findings]
    records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    told = [record["diagnosis"] for record in records if "diagnosis" in record]
    assert told[0]["name"] == "loss flat"
    assert told[0]["change"]


def test_the_end_of_gnm_train_says_what_is_wrong(toy: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(json.dumps(toy()))
    said = CliRunner().invoke(main, ["train", "--spec", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "run")])
    assert "diagnosis: too few steps yet: 12 of 12 steps" in said.output
