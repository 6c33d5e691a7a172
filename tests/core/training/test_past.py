"""What is past cannot change: lengths of stages, stages that are over, numbers that an objective has moved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gnm_core.errors import DataError, RunError, SpecError
from gnm_core.runs.checkpoint import load_run
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import Outcome, resume, start
from gnm_core.training.progress import Silent

Toy = Callable[..., dict[str, Any]]

STAGES = [{"name": "one", "steps": 3}, {"name": "two", "steps": 4}, {"steps": 2}]


class Listening(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def begun(tmp_path: Path, spec: dict[str, Any], steps: int | None = None) -> Path:
    run = tmp_path / "run"
    start(load_spec(spec), run, Settings(steps=steps), Silent())
    return run


def again(run: Path, *overrides: str, at: int | None = None) -> Outcome:
    return resume(run, Settings(), Silent(), overrides, at)


def test_a_length_that_no_stage_takes_is_an_error_that_names_those_that_have_one(toy: Toy, tmp_path: Path) -> None:
    spec = toy(stages=STAGES)
    expected = r"train\.steps: has no effect, as every stage has its own: train\.stages\.one\.steps, .*--steps N"
    with pytest.raises(SpecError, match=expected):
        load_spec(spec, ["train.steps=2"])
    with pytest.raises(SpecError, match=expected):
        again(begun(tmp_path, spec), "train.steps=10")


@pytest.mark.parametrize(
    ("override", "name"),
    [("batch=4", "batch"), ("clip=2.0", "clip"), ("train=[code]", "train"), ("optimizer=adam", "optimizer")],
)
def test_so_is_any_other_default_that_no_stage_takes(toy: Toy, override: str, name: str) -> None:
    own = {"batch": 5, "clip": 3.0, "train": ["encoder"], "optimizer": [{"use": "sgd"}]}
    with pytest.raises(SpecError, match=rf"train\.{name}: has no effect.*train\.stages\.0\.{name}"):
        load_spec({**toy(), "train": {"stages": [own]}}, [f"train.{override}"])
    load_spec({**toy(), "train": {"stages": [own, {}]}}, [f"train.{override}"])


def test_a_resolved_spec_loads_again(toy: Toy) -> None:
    spec = load_spec(toy(stages=STAGES))
    assert load_spec(spec.resolved()).resolved() == spec.resolved()


@pytest.mark.parametrize("train", [{"steps": 6}, {"stages": [{"steps": 3}, {"steps": 3}]}])
def test_the_last_stage_of_a_finished_run_can_become_longer(toy: Toy, tmp_path: Path, train: dict[str, Any]) -> None:
    longer = "train.stages.1.steps=7" if "stages" in train else "train.steps=10"
    run = begun(tmp_path, toy(**train))
    assert again(run, longer).step == 10
    straight = begun(tmp_path / "straight", load_spec(toy(**train), [longer]).resolved())
    ours, theirs = (load_run(folder).model.state_dict() for folder in (run, straight))
    assert all(ours[name].equal(theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.stages.0.steps=2", r"train\.stages\.one\.steps: stage 1 \(one\) is over.* were 3 and cannot be 2"),
        ("train.stages.0.steps=5", r"train\.stages\.one\.steps: stage 1 \(one\) is over.* were 3 and cannot be 5"),
        ("train.stages.0.batch=2", r"train\.stages\.one\.batch: stage 1 \(one\) is over.* were 8 and cannot be 2"),
        ("train.batch=2", r"train\.batch: stage 1 \(one\) is over.*\n.*train\.stages\.N\.batch"),
        ("train.stages.0.clip=2.0", r"train\.stages\.one\.clip: stage 1 .* would change nothing"),
        ("train.stages.0.optimizer=adam", r"train\.stages\.one\.optimizer: .* would change nothing"),
        ("train.stages.1.steps=1", r"train\.stages\.two\.steps: 1 steps, and 2 are made already; --steps N"),
        ("train.stages=[{steps: 3}]", r"train\.stages: there are 1 stages, and stage 2 is at work"),
    ],
)
def test_what_is_past_cannot_change(toy: Toy, tmp_path: Path, override: str, message: str) -> None:
    run = begun(tmp_path, toy(stages=STAGES), steps=5)
    before = (run / "spec.yaml").read_bytes()
    with pytest.raises(SpecError, match=message):
        again(run, override)
    assert (run / "spec.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "override",
    [
        "train.stages.0.name=first",
        "train.stages.1.steps=2",
        "train.stages.1.steps=9",
        "train.stages.1.batch=3",
        "train.stages.2.steps=1",
        "train.stages.2.optimizer=adam",
        "train.clip=0.5",
    ],
)
def test_what_is_to_come_can(toy: Toy, tmp_path: Path, override: str) -> None:
    run = begun(tmp_path, toy(stages=STAGES), steps=5)
    outcome = again(run, override)
    assert outcome.step == outcome.total


def test_shortening_below_the_steps_made_is_refused_and_going_back_first_is_not(toy: Toy, tmp_path: Path) -> None:
    run = begun(tmp_path, toy(steps=8))
    with pytest.raises(SpecError, match=r"train\.steps: 2 steps, and 8 are made already.*--at STEP"):
        again(run, "train.steps=2")
    assert again(run, "train.steps=6", at=4).step == 6


def test_what_has_changed_is_said(toy: Toy, tmp_path: Path) -> None:
    run, display = begun(tmp_path, toy(steps=4)), Listening()
    resume(run, Settings(), display, ["train.steps=5", "data.length=20"])
    said = "\n".join(display.said)
    assert "changed since step 4:\n  data.length: 37 -> 20\n  train.steps: 4 -> 5" in said


def test_an_objective_that_has_moved_keeps_what_it_began_with(toy: Toy, tmp_path: Path) -> None:
    geco = {"use": "geco", "goal": 0.1, "rate": 0.1}
    run = begun(tmp_path, {**toy(steps=4), "objective": geco})
    with pytest.raises(
        RunError, match=r"log_beta.*cannot change any more\nchanged since:\n  objective\.beta: 1\.0 -> 2"
    ):
        again(run, "train.steps=6", "objective.beta=2.0")
    assert again(run, "train.steps=6", "objective.goal=0.2").step == 6


def test_an_objective_whose_stage_has_not_begun_can_begin_elsewhere(toy: Toy, tmp_path: Path) -> None:
    stages = [{"steps": 3}, {"steps": 3, "objective": {"use": "geco", "goal": 0.1}}]
    run = begun(tmp_path, toy(stages=stages), steps=2)
    assert again(run, "train.stages.1.objective.beta=2.0").step == 6
    straight = begun(
        tmp_path / "other", load_spec(toy(stages=stages), ["train.stages.1.objective.beta=2.0"]).resolved()
    )
    ours, theirs = (load_run(folder).model.state_dict() for folder in (run, straight))
    assert all(ours[name].equal(theirs[name]) for name in ours)


@pytest.mark.parametrize("image", [3, 20])
def test_a_stage_that_has_begun_and_made_no_step_goes_on(toy: Toy, tmp_path: Path, image: int) -> None:
    stages = [{"steps": 2}, {"steps": 40, "optimizer": "adam"}]
    run = tmp_path / "run"
    with pytest.raises(DataError, match=f"toy image {image} is broken"):
        start(load_spec(toy(data={"broken": image}, stages=stages)), run, Settings(), Silent())
    assert again(run, "data.broken=-1").step == 42
