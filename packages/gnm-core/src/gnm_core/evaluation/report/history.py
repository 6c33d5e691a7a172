"""A training's records, as curves need them."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as
from gnm_core.regular_files import read_file

MOST = 400
"""Points of a curve; of longer trainings, neighbouring records are averaged."""


@dataclass(frozen=True)
class Record:
    """Means over the steps since the record before."""

    step: int
    stage: str
    values: dict[str, float]
    """By name: `elbo`, `kl.scene`, `gradient`, ..."""


@dataclass(frozen=True)
class History:
    """The records of one training."""

    records: tuple[Record, ...]
    warnings: tuple[tuple[int, str], ...] = ()
    """(step, text)."""
    structure: tuple[Record, ...] = ()
    """Shares of scenes that obey their rule, by level, with `minutes`; measured at these steps."""
    measured: tuple[Record, ...] = ()
    """Values of metrics by name, with `minutes`; measured at these steps."""

    @property
    def names(self) -> list[str]:
        """Every value that any record has, in the order of first appearance."""
        return list(dict.fromkeys(name for record in self.records for name in record.values))

    @property
    def stages(self) -> list[tuple[str, int]]:
        """Name of each stage and the step of its first record, in order."""
        return [(name, next(iter(records)).step) for name, records in groupby(self.records, lambda r: r.stage)]


def read_history(path: Path) -> History:
    """The records of a `metrics.jsonl`; none where there is no file. Incomplete lines are passed over.

    Raises:
        RunError: the file cannot be read.
    """
    if not path.exists():
        return History(())
    with os_errors_as(RunError, f"{path}: cannot be read"):
        lines = read_file(path).decode(errors="replace").splitlines()
    records, warnings, structure, measured = [], [], [], []
    for line in lines:
        try:
            data = json.loads(line)
            step = int(data["step"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue
        if isinstance(data.get("structure"), dict):
            minutes = float(data.get("core_seconds") or data.get("seconds") or 0) / 60
            structure.append(Record(step, str(data.get("stage")), {**_numbers(data["structure"]), "minutes": minutes}))
        elif isinstance(data.get("measured"), dict):
            minutes = float(data.get("core_seconds") or data.get("seconds") or 0) / 60
            value = _numbers({str(data["measured"].get("name")): data["measured"].get("value")})
            measured.append(Record(step, "", {**value, "minutes": minutes}))
        elif "warning" in data:
            warnings.append((step, str(data["warning"])))
        elif "stage" in data:
            records.append(Record(step, str(data["stage"]), _numbers(data)))
    return History(tuple(_without_idle_likelihood(records)), tuple(warnings), tuple(structure), tuple(measured))


def _numbers(data: dict[str, object]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in data.items()
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _without_idle_likelihood(records: Sequence[Record]) -> list[Record]:
    """A stage that trains one level by itself may have no likelihood: it is 0 throughout, and the ELBO lacks it."""
    kept: list[Record] = []
    for _, stage in groupby(records, lambda record: record.stage):
        same = list(stage)
        idle = all(record.values.get("log_likelihood") == 0 for record in same)
        away = {"log_likelihood", "elbo"} if idle else set()
        kept += [Record(r.step, r.stage, {k: v for k, v in r.values.items() if k not in away}) for r in same]
    return kept


def thinned(history: History, most: int = MOST) -> History:
    """At most about `most` records: neighbours of one stage are averaged, and stand at the step of the last of them."""
    together = math.ceil(len(history.records) / most)
    if together <= 1:
        return history
    records = []
    for _, stage in groupby(history.records, lambda record: record.stage):
        same = list(stage)
        records += [_mean(same[i : i + together]) for i in range(0, len(same), together)]
    return History(tuple(records), history.warnings, history.structure, history.measured)


def _mean(records: Sequence[Record]) -> Record:
    names = dict.fromkeys(name for record in records for name in record.values)
    means = {}
    for name in names:
        values = [record.values[name] for record in records if name in record.values]
        means[name] = sum(values) / len(values)
    return Record(records[-1].step, records[-1].stage, means)
