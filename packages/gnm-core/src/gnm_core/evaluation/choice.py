"""Which metrics are taken, and with which options."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from gnm_core.dims import Dims
from gnm_core.errors import Problem, SpecError
from gnm_core.evaluation.context import Metric
from gnm_core.plugins import installed
from gnm_core.registry import Registry
from gnm_core.spec.build import build
from gnm_core.spec.checker import Checker
from gnm_core.spec.nodes import Table, node_of
from gnm_core.spec.overrides import override
from gnm_core.spec.tree import Named, plain
from gnm_core.suggestions import did_you_mean

ORDER = (
    "reconstruction",
    "counting",
    "ap",
    "what-classification",
    "segmentation",
    "speed",
    "s-acc",
    "structure-levels",
    "diversity",
    "ll",
    "d-steps",
)
"""Built-in metrics, the quick ones first; others come after them, by name."""


@dataclass(frozen=True)
class Choice:
    """One metric, ready to be taken."""

    name: str
    metric: Metric
    options: dict[str, Any]
    """As a spec would hold them, every default explicit."""


def choose(
    names: Sequence[str] = (), overrides: Iterable[str] = (), dims: Dims | None = None, registry: Registry | None = None
) -> list[Choice]:
    """The metrics of these names, or every registered one.

    Args:
        names: registered names; empty for all.
        overrides: `metrics.NAME.OPTION=VALUE` texts; a new NAME with `{use: ...}` adds a metric.
        dims: sizes, for metrics that ask for them.
        registry: where names are looked up; the installed plugins by default.

    Raises:
        SpecError: an unknown name or option, or a value out of range; all problems at once.
    """
    registry = installed() if registry is None else registry
    known = [entry.name for entry in registry.of_kind("metric")]
    if problems := [_unknown(name, known) for name in names if name not in known]:
        raise SpecError(problems)
    chosen = list(dict.fromkeys(names)) or sorted(
        known, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n)
    )
    root = node_of({"metrics": {name: {"use": name} for name in chosen}})
    assert isinstance(root, Table)
    override(root, overrides)
    checker = Checker(registry)
    stray = [Problem(f"cannot be set; {_FORM}", key, source="--set") for key in root.nodes if key != "metrics"]
    tree = checker.check(dict[str, Metric], root.nodes["metrics"], "metrics")
    if checker.problems or stray:
        raise SpecError([*stray, *checker.problems])
    assert isinstance(tree, Named)
    metrics = {name: cast(Metric, build(part, dims or Dims())) for name, part in tree.items.items()}
    return [Choice(name, metric, cast(dict[str, Any], plain(tree.items[name]))) for name, metric in metrics.items()]


_FORM = "options of metrics are set as metrics.NAME.OPTION=VALUE, such as metrics.ll.particles=10"


def _unknown(name: str, known: Sequence[str]) -> Problem:
    near = did_you_mean(name, known)
    hint = f"{near} " if near else ""
    return Problem(f"there is no metric '{name}'", hint=f"{hint}metrics: {', '.join(known)}")
