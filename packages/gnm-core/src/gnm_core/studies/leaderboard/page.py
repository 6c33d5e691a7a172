"""`leaderboard.html`: one file that compares the variants of a study, and opens offline; `leaderboard.md` beside it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.evaluation import interval, render_page
from gnm_core.files import os_errors_as, replace_file
from gnm_core.printable import number
from gnm_core.regular_files import read_file
from gnm_core.results import Value
from gnm_core.runs.origins import in_words
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.leaderboard.curves import learning_curves
from gnm_core.studies.leaderboard.scores import Scored, interval_of, names_of, scores
from gnm_core.studies.measures import FIGURES
from gnm_core.studies.plan import Budget
from gnm_core.studies.status import RunStatus, status_of

HTML, MARKDOWN = "leaderboard.html", "leaderboard.md"
PACKAGE = "gnm_core.studies.leaderboard"


@dataclass(frozen=True)
class Strip:
    """Where a value and its interval lie on their column's scale, in percent."""

    at: float
    low: float | None
    high: float | None
    published: None = None


@dataclass(frozen=True)
class Cell:
    """One value of one variant."""

    text: str
    interval: str
    strip: Strip | None
    best: bool


@dataclass(frozen=True)
class Column:
    """One value of every variant."""

    name: str
    note: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Picture:
    """One figure of one run."""

    title: str
    note: str
    source: str
    """A data: address."""


def write_leaderboard(folder: StudyFolder) -> list[Path]:
    """Write both, of whatever has been measured so far.

    Raises:
        RunError: they cannot be written.
    """
    scored, states = scores(folder), status_of(folder)
    columns = _columns(scored)
    pages = {HTML: _html(folder, scored, columns, states), MARKDOWN: _markdown(folder, scored, columns, states)}
    for name, text in pages.items():
        with os_errors_as(RunError, f"{folder.root / name}: cannot be written"):
            replace_file(folder.root / name, text.encode())
    return [folder.root / name for name in pages]


def _html(folder: StudyFolder, scored: Sequence[Scored], columns: Sequence[Column], states: Sequence[RunStatus]) -> str:
    return render_page(
        "leaderboard.html",
        PACKAGE,
        title=folder.root.resolve().name,
        about=folder.study.about.strip(),
        lede=_lede(folder, states),
        scored=scored,
        steps_of=steps_of,
        columns=columns,
        intervals=interval_of(scored),
        charts=learning_curves(folder, scored),
        pictures=[(kind, found) for kind in FIGURES if (found := _pictures(folder, scored, kind))],
        states=[s for s in states if s.state != "done"],
        study=read_file(folder.root / "study.yaml").decode(errors="replace"),
        written=f"{datetime.now():%-d %B %Y, %H:%M}",
    )


def _lede(folder: StudyFolder, states: Sequence[RunStatus]) -> str:
    study = folder.study
    done = sum(state.state == "done" for state in states)
    seeds = f"{len(study.seeds)} seed{'s' if len(study.seeds) > 1 else ''}"
    begins = ""
    if study.first is not None:
        what = f"from {study.first.run}" if study.first.run else f"trained for {_budget(study.first.budget)}"
        begins = f" Runs begin with weights {what}" + (
            f", of which they take {in_words(study.first.only)}." if study.first.only else "."
        )
    return f"{done} of {len(states)} runs done: {seeds}, {_budget(study.budget)} each.{begins}"


def _budget(budget: Budget) -> str:
    if budget.steps is not None:
        return f"{budget.steps:,} steps"
    if budget.core_minutes is not None:
        return f"{budget.core_minutes:g} minute{'' if budget.core_minutes == 1 else 's'} of one core"
    return "as many steps as the spec says"


def _columns(scored: Sequence[Scored]) -> list[Column]:
    found = []
    for name in names_of(scored):
        values = [one.values.get(name) for one in scored]
        known = [value for value in values if value is not None]
        higher = known[0].higher_is_better
        better = {True: "higher is better", False: "lower is better", None: ""}[higher]
        note = ", ".join(word for word in (known[0].unit, better) if word)
        best = None
        if higher is not None and len({value.value for value in known}) > 1:
            best = (max if higher else min)(value.value for value in known)
        scale = _scale(known)
        cells = tuple(None if v is None else _cell(v, scale, v.value == best) for v in values)
        found.append(Column(name, note, cells))
    return found


def _scale(values: Sequence[Value]) -> tuple[float, float] | None:
    """From 0 to 1 for shares, else a little wider than all that is shown."""
    numbers = [x for value in values for x in (value.value, value.low, value.high) if x is not None]
    if all(not v.unit and v.higher_is_better is True and 0 <= v.value <= 1 for v in values):
        return 0.0, 1.0
    low, high = min(numbers), max(numbers)
    room = 0.06 * (high - low)
    return (low - room, high + room) if room > 0 else None


def _cell(value: Value, scale: tuple[float, float] | None, best: bool) -> Cell:
    def place(x: float | None) -> float | None:
        if x is None or scale is None:
            return None
        return min(100.0, max(0.0, 100 * (x - scale[0]) / (scale[1] - scale[0])))

    at = place(value.value)
    strip = None if at is None else Strip(at, place(value.low), place(value.high))
    return Cell(number(value.value), interval(value), strip, best)


def _pictures(folder: StudyFolder, scored: Sequence[Scored], kind: str) -> list[Picture]:
    """The figure of each variant's first seed, side by side."""
    found = []
    for one in scored:
        for planned in one.runs[:1]:
            path = folder.run(planned) / "evaluation" / "figures" / f"{kind}.png"
            if path.exists():
                with os_errors_as(RunError, f"{path}: cannot be read"):
                    content = base64.b64encode(read_file(path)).decode()
                found.append(Picture(one.title, f"seed {planned.seed}", f"data:image/png;base64,{content}"))
    return found


def _markdown(
    folder: StudyFolder, scored: Sequence[Scored], columns: Sequence[Column], states: Sequence[RunStatus]
) -> str:
    head = ["variant", "seeds", "steps", *(column.name for column in columns)]
    lines = [f"# {folder.root.resolve().name}", "", *([folder.study.about.strip(), ""] if folder.study.about else [])]
    lines += [_lede(folder, states), "", f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for i, one in enumerate(scored):
        cells = [_in_markdown(column.cells[i]) for column in columns]
        lines.append(f"| {' | '.join([one.title, str(len(one.runs)), steps_of(one), *cells])} |")
    lines += ["", interval_of(scored)]
    rest = [f"{state.planned.name} ({state.state})" for state in states if state.state != "done"]
    lines += ["", f"Not done: {', '.join(rest)}."] if rest else []
    return "\n".join(lines) + "\n"


def _in_markdown(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} ({cell.interval})" if cell.interval else text


def steps_of(one: Scored) -> str:
    """`450`, or `430 to 450`."""
    if not one.steps:
        return ""
    low, high = min(one.steps), max(one.steps)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
