"""The runs of a study: every variant with every seed, and what they begin with."""

import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gnm_core.errors import Problem, SpecError
from gnm_core.spec.checked import CheckedSpec, load_spec
from gnm_core.studies.plan import Budget, Measures, Options, Study

FIRST = "first"
"""Names of first trainings begin with this."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study."""

    name: str
    """Of its folder: `wide-cells-seed-0`."""
    variant: Mapping[str, str]
    """Axis to the value that it has: `{encoder: wide, core: cells}`; empty for a first training of all."""
    seed: int
    overrides: tuple[str, ...]
    """`path=value` texts on the study's base spec."""
    budget: Budget
    begins_with: str | None = None
    """The planned run that must be trained before, whose weights it begins with."""
    measures: Measures | None = None
    """What is taken of it; None for a first training."""

    @property
    def title(self) -> str:
        """The variant, whatever the seed."""
        return ", ".join(self.variant.values()) or self.name

    def spec(self, study: Study) -> CheckedSpec:
        """What it is trained by.

        Raises:
            SpecError: the spec has problems.
        """
        return load_spec(study.spec, self.overrides)


def planned_runs(study: Study) -> tuple[PlannedRun, ...]:
    """All runs, in the order in which they begin: seed by seed, and what others begin with just before these.

    Raises:
        SpecError: two runs would have one name.
    """
    first = study.first
    runs: list[PlannedRun] = []
    before: dict[str, PlannedRun] = {}
    for seed in study.seeds:
        for variant in _variants(study):
            begins_with = None
            if first is not None and first.run is None:
                shared = {axis: variant.names[axis] for axis in first.per}
                given = [variant.options[axis] for axis in first.per]
                name = _name([FIRST, *shared.values()], seed)
                options = _texts([study.set, *given, first.set], seed)
                if name not in before:
                    before[name] = PlannedRun(name, shared, seed, options, first.budget)
                    runs.append(before[name])
                begins_with = name
            options = _texts([study.set, *variant.options.values()], seed)
            name = _name(variant.names.values(), seed)
            runs.append(PlannedRun(name, variant.names, seed, options, study.budget, begins_with, study.evaluate))
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError([Problem(f"two runs would have the same name: {', '.join(twice)}; rename a variant")])
    return tuple(runs)


@dataclass(frozen=True)
class _Variant:
    names: dict[str, str]
    options: dict[str, Options]
    """By axis."""


def _variants(study: Study) -> Iterable[_Variant]:
    if study.variants:
        for name, options in study.variants.items():
            yield _Variant({"variant": name}, {"variant": options})
        return
    axes = {axis: _values(axis, values) for axis, values in study.grid.items()}
    for chosen in itertools.product(*(values.items() for values in axes.values())):
        pairs = dict(zip(axes, chosen, strict=True))
        yield _Variant({a: name for a, (name, _) in pairs.items()}, {a: options for a, (_, options) in pairs.items()})


def _values(axis: str, values: "dict[str, Options] | list[Any]") -> dict[str, Options]:
    """An axis's values by name; those of a path are named after it: `steps-4`."""
    if isinstance(values, dict):
        return values
    last = axis.rpartition(".")[2]
    return {f"{last}-{_slug(value)}": {axis: value} for value in values}


def _slug(value: Any) -> str:
    """A value as part of a folder's name."""
    text = value["use"] if isinstance(value, dict) and "use" in value else value
    return re.sub(r"[^A-Za-z0-9.]+", "-", str(text)).strip("-.") or "none"


def _name(words: Iterable[str], seed: int) -> str:
    return "-".join([*words, "seed", str(seed)])


def _texts(options: Sequence[Options], seed: int) -> tuple[str, ...]:
    merged: Options = {}
    for some in options:
        merged = {path: value for path, value in merged.items() if path not in some} | some
    return tuple(f"{path}={as_yaml(value)}" for path, value in ({**merged, "train.seed": seed}).items())


def as_yaml(value: Any) -> str:
    """A plain value in a line of YAML, whatever it holds."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_yaml(str(key))}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = json.dumps(
        value, ensure_ascii=False
    )  # of plain values, JSON is YAML, but for what YAML cannot hold as it is
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
