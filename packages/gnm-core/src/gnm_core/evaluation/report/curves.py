"""Training curves as shapes in a unit square; a page lays them out, with the words around them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from gnm_core.evaluation.report.history import History, Record, thinned
from gnm_core.printable import number

SQUARE = 1000
"""Side of the square in which paths are drawn, x to the right, y down."""
WARM_UP = 0.1
"""Share of a stage's first records that may leave a chart: they often lie far away from all that follows."""
SPREAD = 30
"""A chart whose values differ by more than this factor has a logarithmic axis."""
DECADES = 5
"""A logarithmic axis reaches no further down than this below its top."""


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    path: str
    """The `d` of an SVG path."""
    values: tuple[float | None, ...]
    """At each of the chart's steps; None where there is none."""
    last: str
    """The last value, in words."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    """Percent of the axis, from the left or from the top."""
    text: str


@dataclass(frozen=True)
class Chart:
    """Curves over the same steps."""

    title: str
    unit: str
    steps: tuple[float, ...]
    """Or minutes, as `along` says."""
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    stages: tuple[Tick, ...]
    """Where each stage begins; empty when there is only one."""
    note: str = ""
    along: str = "step"
    """What the axis counts: `step` or `minute`."""


def charts(history: History) -> list[Chart]:
    """ELBO, every divergence, whatever is watched, gradient and speed: those that a training recorded."""
    thin = thinned(history)
    if len(thin.records) < 2:
        return []
    times = {"seconds", "core_seconds", "steps_per_second", "waiting"}
    known = times | {"loss", "elbo", "log_likelihood", "gradient"}
    kl = [name for name in thin.names if name.startswith("kl.")]
    auxiliary = [name for name in thin.names if name.startswith("auxiliary.")]
    watched = [name for name in thin.names if name not in known and name not in kl and name not in auxiliary]
    plans = [
        ("Evidence lower bound", "nats", ["elbo", "log_likelihood"]),
        ("Divergences", "nats", kl),
        ("Auxiliary divergences", "nats", auxiliary),
        *((name[:1].upper() + name[1:], "", [name]) for name in watched),
        ("Gradient norm", "", ["gradient"]),
        ("Speed", "steps per second", ["steps_per_second"]),
        ("Waiting for images", "share of the time", ["waiting"]),
    ]
    drawn = [chart(thin, title, unit, names) for title, unit, names in plans]
    return [found for found in (*structure_charts(history), *drawn) if found is not None]


def structure_charts(history: History) -> list[Chart | None]:
    """The share of scenes that obey their rule at each level, over steps and over minutes."""
    measured = History(history.structure)
    levels = [name for name in measured.names if name != "minutes"]
    return [
        chart(measured, "Scenes that obey, by level", "", levels, shares=True),
        chart(measured, "Scenes that obey, by time", "minutes of one core", levels, shares=True, along="minute"),
    ]


def chart(
    history: History, title: str, unit: str, names: Sequence[str], *, shares: bool = False, along: str = "step"
) -> Chart | None:
    """Some values of a history; None where it has none of them.

    Args:
        history: the records.
        title: of the chart.
        unit: of the values.
        names: of the values.
        shares: they lie between 0 and 1, and go on from stage to stage.
        along: what the axis counts: `step`, or `minute` by the records' value `minutes`.
    """
    whole = history.stages
    history = _where_any(history, names)
    records = history.records
    columns = {name: [record.values.get(name) for record in records] for name in names}
    columns = {name: column for name, column in columns.items() if sum(v is not None for v in column) > 1}
    if not columns:
        return None
    steps: list[float] = [record.step if along == "step" else record.values["minutes"] for record in records]
    axis = _Axis(0.0, 1.0, False) if shares else _axis(history, list(columns))
    first, span = steps[0], (steps[-1] - steps[0]) or 1
    across = [SQUARE * (step - first) / span for step in steps]
    beyond = sum(v is not None and not axis.holds(v) for column in columns.values() for v in column)
    starts = dict(zip((record.step for record in records), steps, strict=True))
    stages = [(name, starts[start]) for name, start in history.stages]
    breaks = set() if shares else {steps.index(start) for _, start in stages}
    lines = tuple(
        Line(
            name.partition(".")[2] or name.replace("_", " "),
            _path(across, column, axis, breaks),
            tuple(column),
            number(next(v for v in reversed(column) if v is not None)),
        )
        for name, column in columns.items()
    )
    idle = [name for name, _ in whole if not _has(history, name, list(columns))]
    notes = [
        "logarithmic axis" if axis.logarithmic else "",
        f"{beyond} value{'s' if beyond > 1 else ''} beyond the axis" if beyond else "",
        f"the stage {' and '.join(f'“{name}”' for name in idle)} has none of these" if idle else "",
    ]
    return Chart(
        title,
        unit,
        tuple(steps),
        lines,
        tuple(Tick(100 * (t - first) / span, _short(t)) for t in _round(first, steps[-1], 5)),
        tuple(Tick(100 - 100 * axis.height(t), _short(t)) for t in axis.ticks),
        tuple(Tick(100 * (start - first) / span, name) for name, start in stages) if len(stages) > 1 else (),
        "; ".join(note for note in notes if note),
        along,
    )


@dataclass(frozen=True)
class _Axis:
    """Values to heights from 0 to 1."""

    low: float
    high: float
    logarithmic: bool

    def height(self, value: float) -> float:
        scale: Callable[[float], float] = math.log10 if self.logarithmic else float
        return (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def ticks(self) -> list[float]:
        if not self.logarithmic:
            return _round(self.low, self.high, 5)
        tens = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        powers = [10.0**ten for ten in tens]
        return powers if len(powers) > 1 else _round(self.low, self.high, 4)


def _axis(history: History, names: Sequence[str]) -> _Axis:
    values = _settled(history, names)
    positive = [value for value in values if value > 0]
    wide = bool(positive) and min(values) >= 0 and max(positive) > SPREAD * min(positive)
    if wide and (len(names) > 1 or max(positive) > SPREAD**2 * min(positive)):
        last = [value for value in _last(history, names) if value > 0] or positive
        high = min(max(positive), 100 * max(last))
        low = max(min(positive), min(last) / 10, high / 10**DECADES)
        return _Axis(low / 1.25, 1.25 * high, True)
    low, high = min(values), max(values)
    early = [r.values[name] for r in history.records for name in names if name in r.values]
    near = [value for value in early if low - (high - low) / 2 <= value <= high + (high - low) / 2]
    low, high = min(near), max(near)
    if 0 <= low < high / 2:
        return _Axis(0.0, 1.05 * high, False)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return _Axis(low - room, high + room, False)


def _settled(history: History, names: Sequence[str]) -> list[float]:
    """The values that a chart must show: all but the first few of each stage."""
    values = []
    for _, same in _by_stage(history):
        first = max(math.ceil(WARM_UP * len(same)), 1) if len(same) > 2 else 0
        values += [record.values[name] for record in same[first:] for name in names if name in record.values]
    return values


def _last(history: History, names: Sequence[str]) -> list[float]:
    """Where each curve ends, in every stage."""
    found = []
    for _, same in _by_stage(history):
        found += [record.values[name] for record in same[-1:] for name in names if name in record.values]
    return found


def _by_stage(history: History) -> list[tuple[str, list[Record]]]:
    return [(name, list(records)) for name, records in groupby(history.records, lambda record: record.stage)]


def _has(history: History, stage: str, names: Sequence[str]) -> bool:
    return any(record.stage == stage and any(name in record.values for name in names) for record in history.records)


def _where_any(history: History, names: Sequence[str]) -> History:
    """From the first record that has one of the values to the last."""
    having = [i for i, record in enumerate(history.records) if any(name in record.values for name in names)]
    return History(history.records[having[0] : having[-1] + 1]) if having else History(())


def _path(across: Sequence[float], column: Sequence[float | None], axis: _Axis, breaks: set[int]) -> str:
    """A curve that is interrupted where a stage begins and where there is no value."""
    words, pen = [], False
    for i, (x, value) in enumerate(zip(across, column, strict=True)):
        if value is None or (axis.logarithmic and value <= 0):
            pen = False
            continue
        # far beyond the frame is as good as anywhere beyond it
        y = SQUARE * min(3.0, max(-2.0, 1 - axis.height(value)))
        words.append(f"{'L' if pen and i not in breaks else 'M'}{x:.1f} {y:.1f}")
        pen = True
    return "".join(words)


def _round(low: float, high: float, count: int) -> list[float]:
    """Some `count` round numbers between two."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    ten = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * ten for factor in (1, 2, 2.5, 5, 10) if factor * ten >= raw * 0.999)
    if isinstance(low, int) and isinstance(high, int):
        step = max(1, round(step))
    first = math.ceil(low / step - 1e-9)
    ticks = [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]
    return [int(t) for t in ticks] if isinstance(low, int) else ticks


def _short(value: float) -> str:
    """`1,500`, `0.25`, `0`, `−3`."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")
