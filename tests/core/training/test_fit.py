"""A plan is shortened in proportion, to the time that there is on this machine."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.errors import RunError
from gnm_core.spec import load_spec
from gnm_core.spec.shortened import shortened
from gnm_core.training import fit as fitting
from gnm_core.training.device import Settings
from gnm_core.training.fit import fit

STAGES = [
    {
        "steps": 1000,
        "optimizer": {"use": "adam", "lr": {"from": 1e-3, "to": 1e-4, "until": 500, "since": 100}},
        "objective": {"use": "elbo", "weights": {"scene": {"use": "piecewise", "values": [0, 1, 2], "at": [0, 2, 3]}}},
    },
    {"steps": 400, "optimizer": {"use": "adam", "lr": {"use": "steps", "values": [1e-3, 1e-4], "at": [300]}}},
]


def test_every_number_of_steps_is_shortened_and_nothing_else(toy: Callable[..., dict[str, Any]]) -> None:
    long = load_spec(toy(stages=STAGES))
    short = shortened(long, 0.1).resolved()["train"]
    first, second = short["stages"]
    assert (first["steps"], second["steps"]) == (100, 40)
    (ramp,), (steps,) = first["optimizer"], second["optimizer"]
    assert ramp["lr"] | {"until": 50, "since": 10} == ramp["lr"]
    assert ramp["lr"]["from"] == 1e-3
    assert steps["lr"]["at"] == [30]
    assert first["objective"]["weights"]["scene"]["at"] == [0, 1, 2]  # they go on ascending
    kept = ("seed", "batch", "checkpoint_every", "log_every")
    assert {name: short[name] for name in kept} == {name: long.resolved()["train"][name] for name in kept}


def test_curricula_and_model_schedules_keep_in_step() -> None:
    long = load_spec("own-pictures-64")
    model, short = (spec.resolved()["model"] for spec in (long, shortened(long, 0.5)))
    for before, after in zip(model["presence_prior"]["rate"]["at"], short["presence_prior"]["rate"]["at"], strict=True):
        assert after == before // 2
    assert short["curriculum"]["masks"] == model["curriculum"]["masks"] // 2
    assert short["temperature"]["until"] == model["temperature"]["until"] // 2


def test_a_whole_plan_is_the_same_plan(toy: Callable[..., dict[str, Any]]) -> None:
    spec = load_spec(toy(steps=20))
    assert shortened(spec, 1.0).resolved() == spec.resolved()
    assert fit(spec, 600, Settings(threads=1), lambda text: None).spec is spec


def test_it_fits_the_time_by_what_the_stages_cost(
    toy: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = (fitting.StageCost("a", 1000, 0.1, 0.0), fitting.StageCost("b", 400, 0.5, 10.0))
    monkeypatch.setattr(fitting, "stage_costs", lambda *_: costs)
    plan = fit(load_spec(toy(stages=STAGES)), 165 / (1 - fitting.SPARE), Settings(), lambda text: None)
    # (165 - 10) of 300 s
    assert plan.share == pytest.approx(155 / 300, abs=0.01)
    assert plan.seconds == pytest.approx(165, abs=1)
    assert [stage.steps for stage in plan.spec.training().schedule()] == [round(n * plan.share) for n in (1000, 400)]


def test_each_stage_is_tried_with_its_own_level(toy: Callable[..., dict[str, Any]]) -> None:
    stages = [{"name": "whole", "steps": 5}, {"name": "upper", "level": "code", "train": ["decoder"], "steps": 5}]
    plan = fit(load_spec(toy(stages=stages)), 600, Settings(threads=1), lambda text: None)
    assert [(cost.name, cost.steps) for cost in plan.costs] == [("whole", 5), ("upper", 5)]
    assert all(cost.step > 0 for cost in plan.costs)


def test_no_time_at_all_is_said(toy: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(RunError, match="too few for a step of every stage"):
        fit(load_spec(toy(steps=10**9)), 1e-6, Settings(threads=1), lambda text: None)


def test_the_command_trains_the_short_plan_and_says_so(
    toy: Callable[..., dict[str, Any]], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "stage_costs", lambda *_: (fitting.StageCost("stage 1", 12, 100.0, 0.0),))
    spec = tmp_path / "spec.yaml"
    from gnm_core.spec.yaml import dump

    spec.write_text(dump(toy(steps=12)))
    given = ["train", "--spec", str(spec), "--out", str(tmp_path / "run"), "--within", "654"]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    assert "6 of 6 steps made" in result.output
    assert "time was short: 50% of the planned steps" in result.output
    refused = CliRunner().invoke(main, ["train", "--resume", str(tmp_path / "run"), "--within", "10"])
    assert refused.exit_code == 2
    assert "--within plans a training that begins" in refused.output
