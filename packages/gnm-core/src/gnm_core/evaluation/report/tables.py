"""Evaluations as tables: for the terminal, and as rows for CSV and JSON."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from gnm_core.errors import RunError
from gnm_core.evaluation.evaluation import Evaluation
from gnm_core.evaluation.report.formatting import interval
from gnm_core.evaluation.report.published_results import published
from gnm_core.files import os_errors_as, replace_file
from gnm_core.printable import number

MAIN = ("S-Acc", "D-Steps", "LL")
"""Columns of the supplement's comparison."""
FIELDS = (
    *("run", "label", "data", "other", "size", "split", "seed", "step", "parameters", "metric"),
    *("name", "value", "low", "high", "unit", "count", "published", "skipped"),
)
"""Of a row."""


def report_of(evaluation: Evaluation, name: str) -> float | None:
    """What the source document reports for the value of this name."""
    return None if evaluation.other else published(evaluation.label, evaluation.data, name, evaluation.size)


def _where(evaluation: Evaluation) -> str:
    """What a table's numbers were measured on."""
    if not evaluation.data:
        return "no data set"
    return f"{evaluation.data} at {evaluation.size} px, {evaluation.split}{evaluation.elsewhere}"


def rows_of(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """One row a value, and one for each metric that was skipped; `FIELDS` are the keys."""
    rows = []
    for evaluation in evaluations:
        about = {name: getattr(evaluation, name) for name in FIELDS[:9]}
        for metric, outcome in evaluation.metrics.items():
            for value in outcome.values:
                found = {name: field for name, field in asdict(value).items() if name in FIELDS}
                rows.append({**about, "metric": metric, **found, "published": report_of(evaluation, value.name)})
            if outcome.skipped:
                rows.append({**about, "metric": metric, "skipped": outcome.skipped})
    return [{name: row.get(name) for name in FIELDS} for row in rows]


def write_csv(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Write `rows_of` as a CSV file.

    Raises:
        RunError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS)
    writer.writeheader()
    writer.writerows(rows_of(evaluations))
    with os_errors_as(RunError, f"{path}: cannot be written"):
        replace_file(path, text.getvalue().encode())


def values_table(evaluation: Evaluation) -> Table:
    """One run: every value with its interval beside the published one."""
    title = f"{evaluation.label} ({evaluation.run}, step {evaluation.step:,}) on {_where(evaluation)}"
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for name in ("metric", "value", "95 % interval", "published"):
        table.add_column(name, justify="left" if name == "metric" else "right", overflow="fold")
    for metric, outcome in evaluation.metrics.items():
        for value in outcome.values:
            reported = report_of(evaluation, value.name)
            unit = f" {value.unit}" if value.unit else ""
            reported_text = "" if reported is None else number(reported)
            table.add_row(escape(value.name), escape(number(value.value) + unit), interval(value), reported_text)
        if outcome.skipped:
            table.add_row(escape(metric), f"[dim]skipped: {escape(outcome.skipped)}[/dim]", "", "")
    return table


def comparison_table(evaluations: Sequence[Evaluation], names: Sequence[str], *, by_value: bool = False) -> Table:
    """Several runs of one data set, the published values below the measured ones.

    Args:
        evaluations: of one data set.
        names: of the values.
        by_value: values as rows and models as columns, rather than the reverse.
    """
    table = Table(title=escape(_where(evaluations[0])), title_justify="left", title_style="bold", show_lines=True)
    rows = [["model", "step", *map(escape, names)]]
    for evaluation in evaluations:
        label = f"{escape(evaluation.label)}\n[dim]{escape(Path(evaluation.run).name)}[/dim]"
        rows.append([label, f"{evaluation.step:,}", *(_cell(evaluation, name) for name in names)])
    if by_value:
        rows = [list(row) for row in zip(*rows, strict=True)]
    for i, title in enumerate(rows[0]):
        table.add_column(title, justify="right" if i else "left", overflow="fold")
    for row in rows[1:]:
        table.add_row(*row)
    return table


def print_comparison(console: Console, evaluations: Sequence[Evaluation], names: Sequence[str]) -> None:
    """Print the table so that no name is cut: turned on its side where it is too wide, and whole into a pipe."""
    for by_value in (False, True):
        table = comparison_table(evaluations, names, by_value=by_value)
        needed = Measurement.get(console, console.options.update(max_width=100_000), table).maximum
        if needed <= console.width:
            break
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = max(console.width, needed)
    console.print(table)


def _cell(evaluation: Evaluation, name: str) -> str:
    value = evaluation.value(name)
    reported = report_of(evaluation, name)
    lines = (
        ["–"] if value is None else [number(value.value), f"[dim]{interval(value)}[/dim]" if interval(value) else ""]
    )
    lines += [] if reported is None else [f"[dim]published {number(reported)}[/dim]"]
    return "\n".join(line for line in lines if line)


def names_in(evaluations: Sequence[Evaluation]) -> list[str]:
    """Names of all values, in the order of their first appearance."""
    values = [
        value for evaluation in evaluations for outcome in evaluation.metrics.values() for value in outcome.values
    ]
    return list(dict.fromkeys(value.name for value in values))


def main_names(evaluations: Sequence[Evaluation]) -> list[str]:
    """The columns of the supplement's comparison that any run has; without any, all values."""
    names = names_in(evaluations)
    return [name for name in MAIN if name in names] or names


def by_data(evaluations: Sequence[Evaluation]) -> list[list[Evaluation]]:
    """Evaluations whose numbers can be compared: the same data set, size and split, be it the runs' own or another."""
    groups: dict[tuple[object, ...], list[Evaluation]] = {}
    for evaluation in evaluations:
        groups.setdefault((evaluation.data, evaluation.other, evaluation.size, evaluation.split), []).append(evaluation)
    return list(groups.values())
