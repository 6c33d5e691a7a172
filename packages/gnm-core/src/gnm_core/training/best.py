"""The best checkpoint by a metric, measured now and then on validation data; and when it gets no better any more."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnm_core.contracts import Data, Model
from gnm_core.errors import MetricError, Problem, SpecError
from gnm_core.evaluation import Choice, EvaluationContext, choose, judge_of
from gnm_core.randomness import seed_from, word_of
from gnm_core.results import Value
from gnm_core.runs.records import records_of
from gnm_core.schema import Training
from gnm_core.spec.checked import CheckedSpec
from gnm_core.training.held_out import validation_of

STREAM = 1_000_005
"""Keeps its randomness apart from the step's, the pictures' and the structure's."""


@dataclass(frozen=True)
class Judged:
    """One measurement."""

    value: Value
    is_best: bool
    """Better than every one before."""
    in_vain: int
    """Measurements since the best one; 0 for the best itself."""

    def told(self) -> str:
        """`S-Acc 0.6920, the best so far`."""
        return f"{self.value.name} {self.value.value:.4g}" + (", the best so far" if self.is_best else "")


class BestWatch:
    """Measures a model at work, and remembers what was best.

    Args:
        subject: the held-out data and the judge; its model is the one that trains.
        choice: the metric.
        seed: the training's.
        earlier: `metrics.jsonl` of the steps before.
    """

    def __init__(self, subject: EvaluationContext, choice: Choice, seed: int, earlier: Path) -> None:
        self._subject, self._choice, self._seed = subject, choice, seed
        self._best: float | None = None
        self._in_vain = 0
        for about in _measured(earlier):
            self._note(float(about["value"]), bool(about["higher_is_better"]))

    def measure(self, step: int) -> Judged:
        """Measure; the model is in evaluation mode, and its randomness is borrowed.

        Raises:
            MetricError: a number is not finite, or neither higher nor lower is better.
            Skip: there is nothing to measure.
        """
        metric = self._choice.metric
        seed_from(self._seed, step, STREAM, word_of(self._choice.name))
        images = metric.images
        kept = [metric.update(view) for view in self._subject.batches(images)] if images != 0 else []
        values = metric.measure(self._subject, kept).values
        if not values:
            raise MetricError(f"metric '{self._choice.name}' has no value")
        value = values[0]
        if value.higher_is_better is None:
            raise MetricError(f"'{value.name}' can be no best: neither higher nor lower is better")
        if not math.isfinite(value.value):
            raise MetricError(f"'{value.name}' is not finite")
        is_best = self._note(value.value, value.higher_is_better)
        return Judged(value, is_best, self._in_vain)

    def _note(self, value: float, higher: bool) -> bool:
        is_best = self._best is None or (value > self._best if higher else value < self._best)
        self._best, self._in_vain = (value, 0) if is_best else (self._best, self._in_vain + 1)
        return is_best


def best_watch(spec: CheckedSpec, training: Training, model: Model, data: Data, metrics: Path) -> BestWatch | None:
    """The watch that `train.keep_best` asks for; None where it asks for none.

    Raises:
        SpecError: there is no such metric, or no validation data for it.
    """
    name = training.keep_best
    if name is None:
        return None
    choice = metric_of(name, training.measure_n, spec)
    held_out = validation_of(data)
    if held_out is None and choice.metric.images != 0:
        reason = f"'{name}' looks at validation images, and the data set has none: a best is never chosen by others"
        raise SpecError([Problem(reason, "train.keep_best")])
    judge = judge_of(spec.data_name, spec.dims)
    subject = EvaluationContext(model, held_out, judge, spec.data_name, training.measure_n)
    return BestWatch(subject, choice, training.seed, metrics)


def value_of(value: Value) -> dict[str, Any]:
    """A value as records keep it."""
    return {
        "name": value.name,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "higher_is_better": value.higher_is_better,
    }


def metric_of(name: str, n: int, spec: CheckedSpec) -> Choice:
    """A metric that looks at so many scenes.

    Raises:
        SpecError: there is no such metric.
    """
    try:
        (choice,) = choose([name], dims=spec.dims)
        if "n" in choice.options:
            (choice,) = choose([name], [f"metrics.{name}.n={n}"], spec.dims)
    except SpecError as error:
        raise SpecError([Problem(p.message, "train.keep_best", hint=p.hint) for p in error.problems]) from None
    return choice


def _measured(path: Path) -> list[dict[str, Any]]:
    """What was measured before, as the records say."""
    found = [record.get("measured") for record in records_of(path)]
    return [about for about in found if isinstance(about, dict) and isinstance(about.get("value"), int | float)]
