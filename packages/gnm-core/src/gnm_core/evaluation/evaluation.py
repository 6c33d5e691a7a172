"""`evaluation.json`: all that is known of one run. Written as a whole after every metric."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.regular_files import read_file
from gnm_core.results import Measurement, Value

VERSION = 1
NAME = "evaluation.json"


@dataclass(frozen=True)
class Outcome:
    """What one metric found, and under which options."""

    values: tuple[Value, ...]
    details: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    """Why nothing was measured; empty when something was."""
    seconds: float = 0.0
    """Time that it took; its share of the pass is not counted."""
    options: dict[str, Any] = field(default_factory=dict)
    """The metric's options, every default explicit."""
    limit: int | None = None
    """Images of the split that it could look at, at most."""

    @staticmethod
    def of(measurement: Measurement, seconds: float, options: Mapping[str, Any], limit: int | None) -> "Outcome":
        """A measurement with its circumstances."""
        return Outcome(measurement.values, measurement.details, measurement.skipped, seconds, dict(options), limit)


@dataclass(frozen=True)
class Evaluation:
    """One run, and what each metric says of it."""

    run: str
    """The run's folder."""
    label: str
    """The model as the source document would call it: `GNM-8-β-2`."""
    model: str
    """Registered name of the model."""
    data: str
    """Registered name of the data set that was measured on; empty where there was none."""
    size: int
    """Side of an image, in pixels."""
    step: int
    """Steps of training."""
    parameters: int
    """Numbers that were learnt."""
    seed: int
    """Of the evaluation."""
    split: str
    """`train`, `validation` or `test`."""
    weights: str
    """sha256 of the checkpoint's weights."""
    seconds_trained: float | None = None
    """Wall time of training; None where the run does not say."""
    packages: dict[str, str] = field(default_factory=dict)
    """Distribution to version, of all that provide a part."""
    data_options: dict[str, Any] | None = None
    """The data set's options, every default explicit; None where they are not known."""
    other: str = ""
    """What the data is called where it is not what the model learnt from; empty where it is."""
    metrics: dict[str, Outcome] = field(default_factory=dict)
    """By name, in the order in which they were taken."""
    version: int = VERSION

    @property
    def elsewhere(self) -> str:
        """A warning to put behind the name of the data set; empty on the run's own data."""
        return f", other data than it learnt from: {self.other}" if self.other else ""

    def value(self, name: str) -> Value | None:
        """The value of that name, whatever metric found it; None where none did."""
        found = (value for outcome in self.metrics.values() for value in outcome.values if value.name == name)
        return next(found, None)

    def with_outcome(self, name: str, outcome: Outcome) -> "Evaluation":
        """The same with one more metric, or a newer outcome of it."""
        return replace(self, metrics={**self.metrics, name: outcome})

    def same_subject(self, other: "Evaluation") -> bool:
        """Whether numbers of both can stand in one file: same weights, data, split and seed."""
        options = (self.data_options, other.data_options)
        if None not in options and options[0] != options[1]:
            return False
        return all(getattr(self, name) == getattr(other, name) for name in ("weights", "data", "size", "split", "seed"))


_FILE = TypeAdapter(Evaluation)


def write_evaluation(evaluation: Evaluation, folder: Path) -> Path:
    """Write `folder/evaluation.json`, at once: a reader finds the old file or the new one.

    Raises:
        RunError: it cannot be written.
    """
    path = folder / NAME
    with os_errors_as(RunError, f"{path}: cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, _FILE.dump_json(evaluation, indent=2) + b"\n")
    return path


def load_evaluation(folder: Path) -> Evaluation:
    """Read an evaluation.

    Args:
        folder: `RUN/evaluation`, a run that has one, or the file itself.

    Raises:
        RunError: there is none, or it is damaged.
    """
    path = next((p for p in (folder / "evaluation" / NAME, folder / NAME) if p.exists()), folder)
    if not path.is_file():
        raise RunError(
            f"{folder}: not evaluated yet (there is no {NAME}); run: gnm evaluate {shlex.quote(str(folder))}"
        )
    with os_errors_as(RunError, f"{path}: cannot be read"):
        content = read_file(path)
    try:
        evaluation = _FILE.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise RunError(f"{path} is damaged: {where}: {first['msg']}") from error
    if evaluation.version != VERSION:
        raise RunError(f"{path}: version {evaluation.version}; this gnm-core reads version {VERSION}")
    return evaluation
