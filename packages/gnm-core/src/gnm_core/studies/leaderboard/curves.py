"""Learning curves of a study's variants, over steps and over processor time: the mean over seeds."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gnm_core.evaluation import Chart, History, Record, chart, read_history
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.leaderboard.scores import Scored

POINTS = 200
"""Of a curve."""
COMPARED = ("elbo", "loss")
"""Of a training's own numbers, the first that any run has; what is measured now and then goes before them."""


@dataclass(frozen=True)
class Curve:
    """One number of one run."""

    steps: tuple[float, ...]
    minutes: tuple[float, ...]
    """Of one core."""
    values: tuple[float, ...]


def learning_curves(folder: StudyFolder, scored: Sequence[Scored]) -> list[Chart]:
    """For each number that was recorded while the variants trained, a chart over steps and one over minutes."""
    histories = {one.title: [read_history(folder.run(p) / "metrics.jsonl") for p in one.begun] for one in scored}
    found = []
    for name, pick in _numbers([history for many in histories.values() for history in many]):
        curves = {title: [c for h in many if (c := pick(h)) is not None] for title, many in histories.items()}
        for along in ("step", "minute"):
            title = name[:1].upper() + name[1:] + (", by time" if along == "minute" else "")
            drawn = _chart({t: c for t, c in curves.items() if c}, title, along)
            found += [drawn] if drawn is not None else []
    return found


def _numbers(histories: Sequence[History]) -> Iterator[tuple[str, Callable[[History], Curve | None]]]:
    """Name of each number, and the function that finds it in a history."""
    measured = list(dict.fromkeys(name for h in histories for record in h.measured for name in record.values))
    for name in (name for name in measured if name != "minutes"):
        yield name, partial(_measured, name)
    if any(history.structure for history in histories):
        yield "generated scenes that obey", lambda history: _curve(history.structure, "generated")
    own = next((name for name in COMPARED if any(name in h.names for h in histories)), None)
    if own is not None:
        recorded = own
        yield own.upper() if own == "elbo" else own, lambda history: _curve(history.records, recorded)


def _measured(name: str, history: History) -> Curve | None:
    return _curve(history.measured, name)


def _curve(records: Sequence[Record], name: str) -> Curve | None:
    having = [r for r in records if name in r.values]
    if len(having) < 2:
        return None
    return Curve(
        tuple(float(r.step) for r in having),
        tuple(r.values["minutes"] if "minutes" in r.values else r.values.get("core_seconds", 0) / 60 for r in having),
        tuple(r.values[name] for r in having),
    )


def _chart(curves: dict[str, list[Curve]], title: str, along: str) -> Chart | None:
    """Every variant's mean, at points that all share; a variant's curve ends where its first seed ends."""
    axes = {t: [c.steps if along == "step" else c.minutes for c in many] for t, many in curves.items()}
    every = [axis for many in axes.values() for axis in many]
    if not every or max(axis[-1] for axis in every) <= 0:
        return None
    low, high = min(axis[0] for axis in every), max(axis[-1] for axis in every)
    points = [low + (high - low) * i / (POINTS - 1) for i in range(POINTS)]
    if along == "step":
        points = sorted({float(round(x)) for x in points})
    records = []
    for i, x in enumerate(points):
        values = {}
        for variant, many in curves.items():
            at = [_at(axis, curve.values, x) for axis, curve in zip(axes[variant], many, strict=True)]
            known = [value for value in at if value is not None]
            if len(known) == len(at):
                values[variant] = sum(known) / len(known)
        step = round(x) if along == "step" else i
        records.append(Record(step, "", values | ({"minutes": x} if along == "minute" else {})))
    words = ["steps" if along == "step" else "minutes of one core"]
    words += ["mean over seeds"] if any(len(many) > 1 for many in curves.values()) else []
    return chart(History(tuple(records)), title, ", ".join(words), list(curves), along=along)


def _at(axis: Sequence[float], values: Sequence[float], x: float) -> float | None:
    """Between two records on the straight line; None outside."""
    if not axis[0] <= x <= axis[-1]:
        return None
    after = min(max(bisect_left(axis, x), 1), len(axis) - 1)
    left, right = axis[after - 1], axis[after]
    share = (x - left) / (right - left) if right > left else 1.0
    return values[after - 1] + share * (values[after] - values[after - 1])
