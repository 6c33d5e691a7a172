"""The best checkpoint by a metric, the end where it gets no better, and where else a training's records go."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from gnm_core import RunError, SpecError, load_run, load_spec
from gnm_core.cli import main
from gnm_core.runs.checkpoint import Checkpoint, Checkpoints
from gnm_core.training import loop
from gnm_core.training.device import Settings
from gnm_core.training.progress import Silent

Toy = Callable[..., dict[str, Any]]
WATCH = {"keep_best": "reconstruction", "measure_every": 2, "measure_n": 8}


def measured(run: Path) -> list[tuple[int, float]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [(record["step"], record["measured"]["value"]) for record in records if "measured" in record]


def state(run: Path, step: int | str | None = None) -> dict[str, torch.Tensor]:
    return load_run(run, step).model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_the_best_checkpoint_is_that_of_the_best_measurement(toy: Toy, tmp_path: Path) -> None:
    run = tmp_path / "run"
    spec = load_spec(toy(**WATCH, keep=99, checkpoint_every=2, optimizer={"use": "adam", "lr": 0.3}))
    loop.start(spec, run, Settings(), Silent())
    found = measured(run)
    assert [step for step, _ in found] == [2, 4, 6, 8, 10, 12]
    best, value = min(found, key=lambda pair: pair[1])  # an error: less is better
    assert best < 12, "the last is the best: this test shows nothing"
    assert load_run(run, "best").step == best
    assert same(state(run, "best"), state(run, best))
    (folder,) = (run / "best").iterdir()
    assert Checkpoint(folder).meta["measured"]["value"] == value


def test_measuring_leaves_no_trace_in_what_is_learned(toy: Toy, tmp_path: Path) -> None:
    loop.start(load_spec(toy(**WATCH)), tmp_path / "watched", Settings(), Silent())
    loop.start(load_spec(toy()), tmp_path / "plain", Settings(), Silent())
    assert same(state(tmp_path / "watched"), state(tmp_path / "plain"))


@pytest.mark.parametrize("cut", [3, 4, 5, 9])
def test_a_training_that_was_cut_measures_and_keeps_the_same(toy: Toy, tmp_path: Path, cut: int) -> None:
    spec = load_spec(toy(**WATCH, checkpoint_every=5, optimizer={"use": "adam", "lr": 0.3}))
    loop.start(spec, tmp_path / "whole", Settings(), Silent())
    loop.start(spec, tmp_path / "cut", Settings(steps=cut), Silent())
    loop.resume(tmp_path / "cut", Settings(), Silent())
    assert measured(tmp_path / "cut") == measured(tmp_path / "whole")
    assert load_run(tmp_path / "cut", "best").step == load_run(tmp_path / "whole", "best").step
    assert same(state(tmp_path / "cut", "best"), state(tmp_path / "whole", "best"))


def test_it_is_measured_on_validation_data_and_never_on_others(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import toy_training

    asked: list[str] = []
    at = toy_training.ToyData.at
    monkeypatch.setattr(toy_training.ToyData, "at", lambda self, split: asked.append(split) or at(self, split))
    loop.start(load_spec(toy(**WATCH)), tmp_path / "run", Settings(), Silent())
    assert "validation" in asked
    assert "test" not in asked
    (tmp_path / "run").rename(tmp_path / "done")
    monkeypatch.setattr(toy_training.ToyData, "__len__", lambda self: 0 if self.split == "validation" else 37)
    with pytest.raises(SpecError, match=r"train\.keep_best.*validation"):
        loop.start(load_spec(toy(**WATCH)), tmp_path / "run", Settings(), Silent())


def test_a_training_ends_when_nothing_is_better_for_long_and_can_go_on(toy: Toy, tmp_path: Path) -> None:
    spec = toy({"noise": False}, **WATCH, patience=2, steps=40, optimizer={"use": "sgd", "lr": 0.0})
    outcome = loop.start(load_spec(spec), tmp_path / "run", Settings(), Silent())
    assert outcome.step == 6  # the first measurement is the best; two more are none
    assert outcome.stopped is not None
    assert "no better" in outcome.stopped
    assert Checkpoints(tmp_path / "run").newest() == 6
    resumed = loop.resume(tmp_path / "run", Settings(), Silent(), ["train.patience=5"])
    assert resumed.step == 12


def test_what_cannot_be_kept_is_said_at_once(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'reconstruction'"):
        loop.start(load_spec(toy(keep_best="reconstructio")), tmp_path / "run", Settings(), Silent())
    with pytest.raises(SpecError, match=r"patience.*no effect without keep_best"):
        load_spec(toy(patience=3))
    loop.start(load_spec(toy()), tmp_path / "plain", Settings(), Silent())
    with pytest.raises(RunError, match="no best checkpoint yet"):
        load_run(tmp_path / "plain", "best")
    said = CliRunner().invoke(main, ["evaluate", str(tmp_path / "plain"), "--at", "bst"])
    assert said.exit_code == 2
    assert "'bst' is neither a step nor 'best'" in said.output
