"""One pass, one file, the same numbers whether interrupted or not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_core.errors import MetricError, RunError, SpecError
from gnm_core.evaluation.choice import Choice, choose
from gnm_core.evaluation.context import BATCH, EvaluationBatch, EvaluationContext, Metric, Skip
from gnm_core.evaluation.evaluation import Evaluation, Outcome, load_evaluation, write_evaluation
from gnm_core.evaluation.evaluator import evaluate
from gnm_core.evaluation.progress import Silent
from gnm_core.evaluation.setup import Settings
from gnm_core.results import Measurement, Value

from .toys import Blind, Bright, Oracle, Squares

START = Evaluation(
    run="runs/x",
    label="GNM",
    model="gnm",
    data="squares",
    size=16,
    step=5,
    parameters=1,
    seed=0,
    split="test",
    weights="w",
)
QUICK = [
    "metrics.ap.resamples=5",
    "metrics.what-classification={use: what-classification, seeds: 1, epochs: 3}",
    "metrics.ll.particles=2",
    "metrics.s-acc.n=20",
    "metrics.d-steps={use: d-steps, cap: 40, seeds: 1, pool: 30, held_out: 10}",
]
NAMES = ("reconstruction", "counting", "ap", "what-classification", "segmentation", "s-acc", "ll", "d-steps")


def chosen(*names: str) -> list[Choice]:
    names = names or NAMES
    return choose(names, [text for text in QUICK if text.split("=")[0].split(".")[1] in names])


def subject(model: Oracle | None = None, **options: Any) -> EvaluationContext:
    return EvaluationContext(model or Oracle(Squares()), Squares(), Bright(), "squares", **options)


def numbers(evaluation: Evaluation) -> dict[str, Any]:
    return {name: (outcome.values, outcome.details, outcome.skipped) for name, outcome in evaluation.metrics.items()}


class Count(Metric):
    """Counts what it sees."""

    def __init__(self, images: int | None = None) -> None:
        self.images = images

    def update(self, batch: EvaluationBatch) -> int:
        return len(batch.image)

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        return Measurement((Value("seen", float(sum(updates))),), {"batches": list(updates)})


class Fails(Metric):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        raise self.error


# The pass


def test_every_image_is_made_once_and_every_question_is_asked_once(tmp_path: Path) -> None:
    model, data = Oracle(Squares()), Squares()
    trial = EvaluationContext(model, data)
    evaluate(START, trial, chosen("reconstruction", "counting", "ap", "what-classification", "segmentation"), tmp_path)
    assert data.asked == list(range(70))
    assert sorted(set(model.calls)) == ["components", "objects", "reconstruct"]
    assert model.calls.count("objects") == model.calls.count("reconstruct") == -(-70 // BATCH)


@pytest.mark.parametrize("wish", [1, 32, 33, 69, 500])
def test_a_metric_sees_as_many_images_as_it_asks_for(wish: int, tmp_path: Path) -> None:
    choices = [Choice("few", Count(wish), {}), Choice("all", Count(None), {})]
    found = evaluate(START, subject(), choices, tmp_path)
    few, every = (found.metrics[name] for name in ("few", "all"))
    assert few.values[0].value == min(wish, 70)
    assert every.details["batches"] == [32, 32, 6]


def test_the_limit_holds_for_all(tmp_path: Path) -> None:
    data = Squares()
    found = evaluate(START, EvaluationContext(Oracle(data), data, limit=40), [Choice("all", Count(None), {})], tmp_path)
    assert found.metrics["all"].details["batches"] == [32, 8]


def test_an_empty_split_is_a_reason_to_skip(tmp_path: Path) -> None:
    trial = EvaluationContext(Oracle(Squares()), Squares(0))
    found = evaluate(START, trial, chosen("counting", "ll"), tmp_path)
    assert {outcome.skipped for outcome in found.metrics.values()} == {"the split 'test' is empty"}


# The same numbers


def test_numbers_do_not_depend_on_company_or_order(tmp_path: Path) -> None:
    together = numbers(evaluate(START, subject(), chosen(), tmp_path / "all"))
    assert list(together) == list(NAMES)
    for i, name in enumerate(NAMES):
        torch.manual_seed(i)
        alone = evaluate(START, subject(), chosen(name), tmp_path / name)
        assert numbers(alone)[name] == together[name]
    assert numbers(evaluate(START, subject(), chosen(*reversed(NAMES)), tmp_path / "back")) == together


def test_another_seed_gives_other_numbers(tmp_path: Path) -> None:
    a, b = (
        evaluate(START, subject(), chosen("ll"), tmp_path / str(seed), Settings(seed=seed)).metrics["ll"].values
        for seed in (0, 1)
    )
    assert a != b


class Stopped(Silent):
    """Ctrl-C after so many outcomes."""

    def __init__(self, after: int) -> None:
        self.left = after

    def outcome(self, name: str, outcome: Outcome) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 4, 7])
def test_an_interrupted_evaluation_goes_on_with_what_is_missing(after: int, tmp_path: Path) -> None:
    whole = numbers(evaluate(START, subject(), chosen(), tmp_path / "whole"))
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        evaluate(START, subject(), chosen(), folder, display=Stopped(after))
    kept = load_evaluation(folder)
    assert len(kept.metrics) == after
    model = Oracle(Squares())
    resumed = evaluate(START, subject(model), chosen(), folder)
    assert numbers(resumed) == whole
    assert all(resumed.metrics[name] == kept.metrics[name] for name in kept.metrics), (
        "what was there is not taken again"
    )


def test_the_file_holds_what_is_returned(tmp_path: Path) -> None:
    found = evaluate(START, subject(), chosen(), tmp_path)
    assert load_evaluation(tmp_path) == found
    raw = json.loads((tmp_path / "evaluation.json").read_text())
    assert raw["version"] == 1
    assert raw["metrics"]["s-acc"]["options"]["n"] == 20
    assert raw["metrics"]["s-acc"]["details"]["reasons"] == {
        "only # bright": 20 - raw["metrics"]["s-acc"]["details"]["accepted"]
    }


@pytest.mark.parametrize(
    ("start", "choices", "settings"),
    [
        ({"weights": "other"}, ("counting",), {}),
        ({"seed": 3}, ("counting",), {}),
        ({}, ("counting",), {"limit": 5}),
        ({}, ("counting",), {"again": True}),
    ],
)
def test_what_no_longer_holds_is_taken_again(
    start: dict[str, Any], choices: Any, settings: dict[str, Any], tmp_path: Path
) -> None:
    from dataclasses import replace

    evaluate(START, subject(), chosen(*choices), tmp_path)
    model = Oracle(Squares())
    trial = subject(model, limit=settings.get("limit"))
    evaluate(replace(START, **start), trial, chosen(*choices), tmp_path, Settings(**settings))
    assert "objects" in model.calls


def test_other_options_are_taken_again_and_the_same_are_not(tmp_path: Path) -> None:
    evaluate(START, subject(), choose(["s-acc"], ["metrics.s-acc.n=8"]), tmp_path)
    found = evaluate(START, subject(), choose(["s-acc"], ["metrics.s-acc.n=9"]), tmp_path)
    assert found.metrics["s-acc"].values[0].count == 9
    before = found.metrics["s-acc"].seconds
    assert (
        evaluate(START, subject(), choose(["s-acc"], ["metrics.s-acc.n=9"]), tmp_path).metrics["s-acc"].seconds
        == before
    )


def test_what_was_skipped_is_tried_again(tmp_path: Path) -> None:
    first = evaluate(START, EvaluationContext(Oracle(Squares()), Squares(), None, "squares"), chosen("s-acc"), tmp_path)
    assert "there is no judge for 'squares'" in first.metrics["s-acc"].skipped
    assert not evaluate(START, subject(), chosen("s-acc"), tmp_path).metrics["s-acc"].skipped


# Failures


def test_what_is_not_finite_fails_its_metrics_alone(tmp_path: Path) -> None:
    model = Oracle(Squares())
    model.spoilt = "objects"
    with pytest.raises(MetricError) as caught:
        evaluate(START, subject(model), chosen("counting", "ap", "reconstruction", "ll"), tmp_path)
    assert str(caught.value).splitlines() == [
        f"metric '{name}': objects.boxes is not finite: 512 of 512 numbers" for name in ("counting", "ap")
    ]
    assert set(load_evaluation(tmp_path).metrics) == {"reconstruction", "ll"}


def test_a_value_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    class Infinite(Count):
        def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
            return Measurement((Value("much", float("inf")),))

    with pytest.raises(MetricError, match=r"metric 'mine': its value 'much' is not finite \(inf\)"):
        evaluate(START, subject(), [Choice("mine", Infinite(), {})], tmp_path)


def test_a_broken_metric_keeps_no_other_from_being_taken(tmp_path: Path) -> None:
    choices = [Choice("mine", Fails(ZeroDivisionError("by nought")), {}), *chosen("counting")]
    with pytest.raises(MetricError, match=r"metric 'mine': ZeroDivisionError: by nought \(.*test_evaluator.py, line"):
        evaluate(START, subject(), choices, tmp_path)
    assert list(load_evaluation(tmp_path).metrics) == ["counting"]


def test_models_without_objects_are_skipped_with_the_reason(tmp_path: Path) -> None:
    found = evaluate(START, subject(Blind(Squares())), chosen(), tmp_path)
    assert found.metrics["ap"].skipped == "the model does not name objects"
    assert found.metrics["ap"].values == ()
    assert found.metrics["segmentation"].skipped == "the model does not take pictures apart"
    assert found.metrics["reconstruction"].values


def test_a_metric_may_skip(tmp_path: Path) -> None:
    found = evaluate(START, subject(), [Choice("mine", Fails(Skip("it rains")), {})], tmp_path)
    assert found.metrics["mine"].skipped == "it rains"


# The file


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write_evaluation(START, tmp_path)
    for text, message in [("{", "damaged"), ('{"run": 3}', "damaged"), ("[]", "damaged")]:
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(RunError, match=rf"evaluation\.json is {message}"):
            load_evaluation(tmp_path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = write_evaluation(START, tmp_path)
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(RunError, match="version 2; this gnm-core reads version 1"):
        load_evaluation(tmp_path)


def test_where_nothing_was_evaluated(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"not evaluated yet \(there is no evaluation\.json\); run: gnm evaluate"):
        load_evaluation(tmp_path)


# The choice


def test_every_metric_is_chosen_by_default_the_quick_ones_first() -> None:
    names = [choice.name for choice in choose()]
    assert names[0] == "reconstruction"
    assert names[-1] == "d-steps"
    assert set(names) == {*NAMES, "speed", "structure-levels", "diversity"}


def test_options_are_checked_as_those_of_any_part() -> None:
    (ll,) = choose(["ll"], ["metrics.ll.particles=7"])
    assert ll.options == {"use": "ll", "particles": 7, "n": 500, "estimates": ["exact", "relaxed"]}
    both = choose(["ll"], ["metrics.ll-many={use: ll, particles: 1000}"])
    assert [choice.name for choice in both] == ["ll", "ll-many"]


@pytest.mark.parametrize(
    ("names", "overrides", "message"),
    [
        (["ll", "s-ack"], [], "there is no metric 's-ack'\n    did you mean 's-acc'? metrics: ap, counting, d-steps,"),
        (["zzz"], [], "there is no metric 'zzz'\n    metrics: ap,"),
        (
            ["ll"],
            ["metrics.ll.particles=0"],
            "metrics.ll.particles: 0 is out of range; expected an integer of at least 1",
        ),
        (["s-acc"], ["metrics.s-acc.n=0"], "0 is out of range"),
        (["ll"], ["metrics.ll.particle=3"], "did you mean 'particles'?"),
        (
            ["ll"],
            ["model.core.steps=3"],
            "model: cannot be set; options of metrics are set as metrics.NAME.OPTION=VALUE",
        ),
        (["ll"], ["metrics.ap.resamples=3"], "metrics.ap: has no 'use'"),
        (["d-steps"], ["metrics.d-steps.batch=7"], "batch: 7 is odd"),
    ],
)
def test_choices_that_cannot_be(names: list[str], overrides: list[str], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        choose(names, overrides)
    assert message in str(caught.value)
