"""`report.html`: one file that tells of one run, or of several beside each other, and needs nothing else to open."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gnm_core.class_source import Unreadable
from gnm_core.errors import GnmError, RunError
from gnm_core.evaluation.evaluation import Evaluation, Outcome
from gnm_core.evaluation.figures import FOLDER, read_figures
from gnm_core.evaluation.metrics.structure_levels import advice
from gnm_core.evaluation.report.curves import Chart, charts
from gnm_core.evaluation.report.failures import Failures, failures_of
from gnm_core.evaluation.report.formatting import interval
from gnm_core.evaluation.report.history import History, read_history
from gnm_core.evaluation.report.origin import Fact, PartRow, commands, environment, parts_of, spec_text
from gnm_core.evaluation.report.published_results import PARAMETERS
from gnm_core.evaluation.report.tables import MAIN, by_data, report_of
from gnm_core.evaluation.report.template import render_page
from gnm_core.files import os_errors_as, replace_file
from gnm_core.plugins import installed
from gnm_core.printable import number
from gnm_core.regular_files import read_file
from gnm_core.results import Value
from gnm_core.signatures import signature_of

NAME = "report.html"
SAMPLES = "samples"
"""The figure that several runs are shown by, side by side."""


@dataclass(frozen=True)
class Strip:
    """Where a value, its interval and the published value lie on a scale, in percent."""

    at: float
    low: float | None
    high: float | None
    published: float | None


@dataclass(frozen=True)
class Cell:
    """One value as the page shows it."""

    text: str
    unit: str = ""
    interval: str = ""
    published: str = ""
    count: str = ""
    strip: Strip | None = None
    best: bool = False
    reason: str = ""
    """Why there is no value."""


@dataclass(frozen=True)
class Column:
    """One value of every run."""

    name: str
    note: str
    """What is better, and the unit."""


@dataclass(frozen=True)
class TableRow:
    """One run in a comparison."""

    label: str
    run: str
    anchor: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs of one data set beside each other."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class MetricRow:
    """One value of one run."""

    name: str
    cell: Cell


@dataclass(frozen=True)
class MetricBlock:
    """What one metric says of one run."""

    name: str
    about: str
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True)
class Picture:
    """A figure in the page, or why there is none."""

    kind: str
    about: str
    source: str
    """A data: address; empty without a picture."""
    reason: str


@dataclass(frozen=True)
class RunSection:
    """All that the page says of one run."""

    label: str
    run: str
    anchor: str
    facts: tuple[Fact, ...]
    metrics: tuple[MetricBlock, ...]
    skipped: tuple[tuple[str, str], ...]
    failures: tuple[Failures, ...]
    pictures: tuple[Picture, ...]
    advice: str
    """Which level loses most scenes, in words; empty where nobody measured."""
    charts: tuple[Chart, ...]
    warnings: tuple[tuple[int, str], ...]
    parts: tuple[PartRow, ...]
    parts_reason: str
    """Why the parts cannot be listed."""
    spec: str
    commands: tuple[str, ...]
    environment: tuple[Fact, ...]


def write_report(evaluations: Sequence[tuple[Evaluation, Path]], folder: Path) -> Path:
    """Write `folder/report.html`.

    Args:
        evaluations: each with the folder that holds its `evaluation.json` and its figures.
        folder: where the page goes; made if need be.

    Raises:
        RunError: a file is damaged, or the page cannot be written.
    """
    path = folder / NAME
    page = render(evaluations)
    with os_errors_as(RunError, f"{path}: cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, page.encode())
    return path


def render(evaluations: Sequence[tuple[Evaluation, Path]]) -> str:
    """The page as text."""
    anchors = [f"run-{i}" for i in range(1, len(evaluations) + 1)]
    sections = [_section(found, folder, anchor) for (found, folder), anchor in zip(evaluations, anchors, strict=True)]
    found = [evaluation for evaluation, _ in evaluations]
    groups = [
        comparison
        for group in by_data(found)
        for comparison in _comparisons(group, [anchors[found.index(one)] for one in group])
    ]
    return render_page(
        "report.html",
        title=_title(found),
        lede=_lede(found),
        comparisons=groups,
        sections=sections,
        side_by_side=_side_by_side(sections),
        written=f"{datetime.now():%-d %B %Y, %H:%M}",
    )


def _title(found: Sequence[Evaluation]) -> str:
    data = list(dict.fromkeys(f"{one.data or 'no data set'}, {one.size} px{one.elsewhere}" for one in found))
    models = list(dict.fromkeys(one.label for one in found))
    named = " and ".join(models) if len(models) < 3 else f"{len(models)} models"
    what = named if len(found) == len(models) else f"{len(found)} runs of {named}"
    return f"{what} on {' and '.join(data)}"


def _lede(found: Sequence[Evaluation]) -> str:
    split = " and ".join(dict.fromkeys(one.split for one in found))
    seeds = ", ".join(dict.fromkeys(str(one.seed) for one in found))
    return f"Measured on the {split} split, seed {seeds}."


# Comparison


def _comparisons(group: Sequence[Evaluation], anchors: Sequence[str]) -> list[Comparison]:
    """The supplement's table, and one of whatever else was measured."""
    where = f"{group[0].data or 'no data set'}, {group[0].size} px, {group[0].split}{group[0].elsewhere}"
    leading = list(dict.fromkeys(o.values[0].name for one in group for o in one.metrics.values() if o.values))
    main = [name for name in MAIN if name in leading]
    further = [name for name in leading if name not in MAIN]
    tables = [(where, main), (f"{where}: further measures", further)]
    if len(group) == 1 and main:  # the rest is listed with the run
        tables = [("At a glance", main)]
    return [_comparison(group, anchors, caption, names) for caption, names in tables if names]


def _comparison(group: Sequence[Evaluation], anchors: Sequence[str], caption: str, names: Sequence[str]) -> Comparison:
    columns = [_column(group, name) for name in names]
    rows = [
        TableRow(one.label, Path(one.run).name, anchor, tuple(column[i] for _, column in columns))
        for i, (one, anchor) in enumerate(zip(group, anchors, strict=True))
    ]
    return Comparison(caption, tuple(head for head, _ in columns), tuple(rows))


def _column(group: Sequence[Evaluation], name: str) -> tuple[Column, list[Cell]]:
    values = [one.value(name) for one in group]
    scale = _scale([(value, report_of(one, value.name)) for one, value in zip(group, values, strict=True) if value])
    known = [value for value in values if value is not None]
    higher = known[0].higher_is_better
    better = {True: "higher is better", False: "lower is better", None: ""}[higher]
    note = ", ".join(word for word in (known[0].unit, better) if word)
    best = None
    if higher is not None and len({value.value for value in known}) > 1:
        best = (max if higher else min)(value.value for value in known)
    cells = [
        _cell(one, value, scale, best=value.value == best)
        if value is not None
        else Cell("–", reason=_why_not(one, name, group))
        for one, value in zip(group, values, strict=True)
    ]
    return Column(name, note), cells


def _why_not(one: Evaluation, name: str, group: Sequence[Evaluation]) -> str:
    """Why a run lacks a value that others have."""
    metric = next(m for other in group for m, o in other.metrics.items() if any(v.name == name for v in o.values))
    outcome = one.metrics.get(metric)
    return outcome.skipped if outcome is not None and outcome.skipped else "not measured"


def _scale(values: Sequence[tuple[Value, float | None]]) -> tuple[float, float] | None:
    """A common scale: from 0 to 1 for shares, else a little wider than all that is shown; None for a single number."""
    if all(_is_share(value) for value, _ in values):
        return 0.0, 1.0
    if len(values) < 2 and values[0][1] is None:
        return None
    numbers = [x for value, reported in values for x in (*_numbers(value), reported) if x is not None]
    low, high = min(numbers), max(numbers)
    room = 0.06 * (high - low)
    return (low - room, high + room) if room > 0 else None


def _numbers(value: Value) -> list[float]:
    return [x for x in (value.value, value.low, value.high) if x is not None]


def _is_share(value: Value) -> bool:
    return not value.unit and value.higher_is_better is True and all(0 <= x <= 1 for x in _numbers(value))


def _cell(one: Evaluation, value: Value, scale: tuple[float, float] | None, *, best: bool = False) -> Cell:
    reported = report_of(one, value.name)

    def place(x: float | None) -> float | None:
        return (
            None if x is None or scale is None else min(100.0, max(0.0, 100 * (x - scale[0]) / (scale[1] - scale[0])))
        )

    at = place(value.value)
    return Cell(
        text=number(value.value),
        unit=value.unit,
        interval=interval(value),
        published="" if reported is None else number(reported),
        count="" if value.count is None else f"{value.count:,}",
        strip=None if at is None else Strip(at, place(value.low), place(value.high), place(reported)),
        best=best,
    )


# One run


def _section(one: Evaluation, folder: Path, anchor: str) -> RunSection:
    run = _run_of(one, folder)
    history = read_history(run / "metrics.jsonl")
    try:
        parts, reason = parts_of(run, one.packages), ""
    except GnmError as error:
        parts, reason = (), str(error)
    return RunSection(
        label=one.label,
        run=one.run,
        anchor=anchor,
        facts=_facts(one),
        metrics=tuple(_block(one, name, outcome) for name, outcome in one.metrics.items() if outcome.values),
        skipped=tuple((name, outcome.skipped) for name, outcome in one.metrics.items() if outcome.skipped),
        failures=tuple(failures_of(one)),
        pictures=tuple(_pictures(folder)),
        advice=_advice(history),
        charts=tuple(charts(history)),
        warnings=history.warnings,
        parts=parts,
        parts_reason=reason,
        spec=spec_text(run),
        commands=commands(one, run),
        environment=environment(one, run),
    )


def _advice(history: History) -> str:
    if not history.structure:
        return ""
    last = history.structure[-1]
    shares = {name: value for name, value in last.values.items() if name != "minutes"}
    return f"At step {last.step:,} {advice(shares)}."


def _run_of(one: Evaluation, folder: Path) -> Path:
    """The run's folder: where the evaluation says, or around the evaluation if both were moved."""
    return next((run for run in (Path(one.run), folder.parent) if (run / "spec.yaml").exists()), Path(one.run))


def _facts(one: Evaluation) -> tuple[Fact, ...]:
    reported = PARAMETERS.get(one.label, {}).get(one.data, "")
    return (
        Fact("data set", f"{one.data or 'none'}, {one.size} px", one.elsewhere.removeprefix(", ")),
        Fact("parameters", f"{one.parameters:,}", f"published, at 128 px: {reported}" if reported else ""),
        Fact("training", f"{one.step:,} steps", "" if one.seconds_trained is None else _duration(one.seconds_trained)),
        Fact("weights", one.weights[:12], "sha256, first 12 digits"),
    )


def _duration(seconds: float) -> str:
    """`37 s`, `9 min`, `2 h 5 min`."""
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _block(one: Evaluation, name: str, outcome: Outcome) -> MetricBlock:
    rows = []
    for value in outcome.values:
        rows.append(MetricRow(value.name, _cell(one, value, (0.0, 1.0) if _is_share(value) else None)))
    return MetricBlock(name, _about_metric(str(outcome.options.get("use", name))), tuple(rows))


def _about_metric(name: str) -> str:
    entry = installed().find("metric", name)
    try:
        return "" if entry is None else signature_of(entry.target).summary
    except Unreadable:
        return ""


def _pictures(folder: Path) -> Iterable[Picture]:
    for drawn in read_figures(folder):
        path = folder / FOLDER / drawn.file if drawn.file else None
        if path is None:
            yield Picture(drawn.kind, drawn.about, "", drawn.reason)
        elif not path.exists():
            yield Picture(drawn.kind, drawn.about, "", f"{path} is gone")
        else:
            with os_errors_as(RunError, f"{path}: cannot be read"):
                content = base64.b64encode(read_file(path)).decode()
            yield Picture(drawn.kind, drawn.about, f"data:image/png;base64,{content}", "")


def _side_by_side(sections: Sequence[RunSection]) -> list[tuple[RunSection, Picture]]:
    """The samples of every run, where there are several."""
    if len(sections) < 2:
        return []
    return [
        (section, picture)
        for section in sections
        for picture in section.pictures
        if picture.kind == SAMPLES and picture.source
    ]
