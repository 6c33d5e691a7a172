"""What is known of a run by its files alone: without its model, without torch, while it is being written."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gnm_core.errors import RunError
from gnm_core.regular_files import read_file
from gnm_core.runs.at_work import at_work
from gnm_core.runs.records import records_of

State = Literal["running", "finished", "stopped", "broken"]
_CHECKPOINT = re.compile(r"step-(\d{8,})")
_HIGHER = {"elbo": True, "log_likelihood": True, "loss": False}
"""Of the numbers of every record, those that get better as they grow, and those that get better as they fall."""


@dataclass(frozen=True)
class Reached:
    """One number of a run: where it stands, and the best that it was."""

    last: float
    best: float
    higher_is_better: bool | None = None
    """None where neither is better; `best` is the last then."""


@dataclass(frozen=True)
class RunSummary:
    """One run on disk."""

    folder: Path
    state: State
    reason: str = ""
    """Who trains it, or what is broken."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """As it was trained by, every default explicit."""
    step: int = 0
    """Steps made, as the newest checkpoint or record says."""
    total: int = 0
    """Steps that the spec asks for."""
    core_minutes: float | None = None
    """Processor time so far; None where nobody noted it."""
    numbers: Mapping[str, Reached] = field(default_factory=dict)
    """By name: `elbo`, `s-acc`, `ap@0.5-(11-point)`."""

    @cached_property
    def options(self) -> dict[str, Any]:
        """The spec as dotted paths; a part's own path has its name."""
        return dict(_flat(self.spec, ""))

    @property
    def parts(self) -> dict[str, str]:
        """The model's parts by place: `{core: cells, core.prior: ...}`; the model itself goes by `model`."""
        found = {}
        for path, value in _parts(self.spec.get("model"), "model"):
            found[path.removeprefix("model.")] = value
        return found

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "run": str(self.folder),
            "state": self.state,
            "reason": self.reason,
            "parts": self.parts,
            "data": self.options.get("data"),
            "size": self.options.get("dims.size"),
            "seed": self.options.get("train.seed"),
            "step": self.step,
            "total": self.total,
            "core_minutes": self.core_minutes,
            "metrics": {name: vars(reached) for name, reached in self.numbers.items()},
        }


def summary_of(folder: Path) -> RunSummary:
    """What is known of a run. Files that are being written count as far as they are whole."""
    busy = at_work(folder)
    try:
        spec = _spec(folder)
        steps, spent = _checkpoints(folder)
    except RunError as error:
        return RunSummary(folder, "broken", str(error))
    records = list(records_of(folder / "metrics.jsonl"))
    numbers = dict(_recorded(records)) | dict(_evaluated(folder / "evaluation" / "evaluation.json"))
    made = max([*steps, *(record["step"] for record in records)], default=0)
    total = _total(spec)
    spent += [float(r["core_seconds"]) for r in records if isinstance(r.get("core_seconds"), int | float)]
    state: State = "running" if busy else "finished" if steps and max(steps) >= total else "stopped"
    minutes = max(spent) / 60 if spent else None
    return RunSummary(folder, state, busy, spec, made, total, minutes, numbers)


def slug(name: str) -> str:
    """`S-Acc` as `s-acc`: what a number goes by on the command line."""
    return "-".join(name.lower().split())


def _spec(folder: Path) -> dict[str, Any]:
    path = folder / "spec.yaml"
    try:
        spec = YAML(typ="safe", pure=True).load(read_file(path))
    except OSError as error:
        raise RunError(f"spec.yaml cannot be read: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise RunError("spec.yaml is damaged: it is not YAML") from error
    if not isinstance(spec, dict) or not isinstance(spec.get("train"), dict) or "model" not in spec:
        raise RunError("spec.yaml is damaged: it says neither what is trained nor how")
    return spec


def _checkpoints(folder: Path) -> tuple[list[int], list[float]]:
    """The steps of all checkpoints, and the processor time that they know of."""
    steps, spent = [], []
    names = sorted(_names(folder / "checkpoints"))
    for name in names:
        match = _CHECKPOINT.fullmatch(name)
        if match is None:
            continue
        path = folder / "checkpoints" / name / "meta.json"
        try:
            meta = json.loads(read_file(path))
            steps.append(int(meta["step"]))
            spent.append(float(meta.get("core_seconds", 0.0)))
        except OSError as error:
            if not path.parent.exists():
                continue  # it was removed meanwhile: a newer one is there
            raise RunError(f"{name}/meta.json cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunError(f"{name}/meta.json is damaged") from error
    return steps, spent


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _total(spec: Mapping[str, Any]) -> int:
    train = spec["train"]
    default = train.get("steps", 0)
    stages = train.get("stages") or [{}]
    counts = [(stage or {}).get("steps") or default for stage in stages if isinstance(stage, dict | None)]
    return sum(count for count in counts if isinstance(count, int))


def _recorded(records: list[dict[str, Any]]) -> Iterator[tuple[str, Reached]]:
    """What a training recorded: its own numbers, and those measured now and then."""
    columns: dict[str, list[float]] = {}
    better: dict[str, bool | None] = dict(_HIGHER)
    for record in records:
        measured = record.get("measured")
        if isinstance(measured, dict):
            name = slug(str(measured.get("name")))
            better[name] = measured.get("higher_is_better")
            found = {name: measured.get("value")}
        else:
            found = {name: record.get(name) for name in _HIGHER}
        for name, value in found.items():
            if isinstance(value, int | float) and math.isfinite(value):
                columns.setdefault(name, []).append(float(value))
    for name, values in columns.items():
        yield name, Reached(values[-1], _best(values, better.get(name)), better.get(name))


def _evaluated(path: Path) -> Iterator[tuple[str, Reached]]:
    """What an evaluation found."""
    try:
        metrics = json.loads(read_file(path))["metrics"]
        values = [value for outcome in metrics.values() for value in outcome["values"]]
        found = [(str(v["name"]), float(v["value"]), v.get("higher_is_better")) for v in values]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    for name, value, higher in found:
        yield slug(name), Reached(value, value, higher)


def _best(values: list[float], higher: bool | None) -> float:
    return values[-1] if higher is None else max(values) if higher else min(values)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        if "use" in value and path:
            yield path, value["use"]
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}.{index}")
    elif path:
        yield path, value


def _parts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("use"), str):
            yield path, value["use"]
        for key, item in value.items():
            yield from _parts(item, f"{path}.{key}")
