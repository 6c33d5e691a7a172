"""`gnm runs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gnm_core.cli.layout import WHOLE, columns, wrapped

if TYPE_CHECKING:
    from rich.table import Table

    from gnm_core.runs.summary import RunSummary


@click.command()
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option("--sort", "by", metavar="NAME", help="By this number, the best first: s-acc, elbo, step, name.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only runs whose spec says so, such as core=cells, train.seed=1 or state=finished; may be given again.",
)
@click.option("--metrics", "names", metavar="A,B", help="Show these numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON instead.")
def runs(*, folder: Path | None, by: str | None, conditions: tuple[str, ...], names: str | None, as_json: bool) -> None:
    """List the runs in a folder and below it: runs/ if there is one, else here.

    \b
    gnm runs
    gnm runs runs/study --sort s-acc --where core=cells
    gnm runs --where state=running --json

    A number is shown as it is now, with the best that it was while the run trained where that is another.
    """
    from gnm_core.cli.output import print_json
    from gnm_core.runs.search import in_order, numbers_of, runs_in, where

    root = folder or (Path("runs") if Path("runs").is_dir() else Path())
    every = list(runs_in(root))
    found = where(every, conditions)
    if by is not None:
        found = in_order(found, by)
    shown = None if names is None else numbers_of(every, [name for name in names.split(",") if name.strip()])
    if as_json:
        print_json([run.as_json() for run in found])
    elif not found:
        place = root.resolve() if root == Path() else root
        click.echo(f"none of {len(every)} runs is like that" if every else f"there is no run in {place}")
    else:
        _print(found, root, _first_numbers(found) if shown is None else shown)


def _first_numbers(found: "Sequence[RunSummary]") -> list[str]:
    """The first few of what is known."""
    known = {name for run in found for name in run.numbers}
    first: list[str] = [name for name in ("s-acc", "d-steps", "ll", "elbo") if name in known]
    return first[:3] or sorted(known)[:3]


def _print(found: "Sequence[RunSummary]", root: Path, names: Sequence[str]) -> None:
    from rich.console import Console

    rows = [_row(run, root, names) for run in found]
    table = _table(rows, names)
    if Console(width=WHOLE).measure(table).maximum <= columns():
        Console(width=columns()).print(table)
    else:  # a narrow table breaks names in their middle
        for row in rows:
            click.echo(wrapped(f"{row.place}: {row.parts}", hanging=4))
            click.echo(wrapped(row.said(names), "    "))
    for run in found:
        if run.state == "broken":
            click.echo(f"{run.folder}: {run.reason}")


@dataclass(frozen=True)
class _Row:
    """What is said of a run, in words."""

    place: str
    state: str
    parts: str
    step: str
    core_minutes: str
    numbers: tuple[str, ...]

    def said(self, names: Sequence[str]) -> str:
        """Each with what it is, without what is not known."""
        told = [self.state, self.step and f"step {self.step}", self.core_minutes and f"{self.core_minutes} core min"]
        told += [number and f"{name} {number}" for name, number in zip(names, self.numbers, strict=True)]
        return ", ".join(filter(None, told))


def _row(run: "RunSummary", root: Path, names: Sequence[str]) -> _Row:
    return _Row(
        str(run.folder.relative_to(root) if run.folder != root else run.folder),
        run.state,
        _parts(run),
        f"{run.step:,} of {run.total:,}" if run.state != "broken" else "",
        "" if run.core_minutes is None else f"{run.core_minutes:.1f}",
        tuple(_number(run, name) for name in names),
    )


def _table(rows: Sequence[_Row], names: Sequence[str]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("run", "state", "parts"):
        table.add_column(name)
    for name in ("step", "core min", *names):
        table.add_column(escape(name), justify="right")
    for row in rows:
        cells = (row.place, row.state, row.parts, row.step, row.core_minutes, *row.numbers)
        table.add_row(*map(escape, cells))
    return table


def _parts(run: "RunSummary") -> str:
    """`gnm on mnist-4: conv, structdraw, autoregressive`."""
    parts = run.parts
    main = [parts[slot] for slot in ("encoder", "core", "core.prior") if slot in parts]
    on = f" on {run.options['data']}" if run.options.get("data") else ""
    return f"{parts.get('model', '')}{on}" + (f": {', '.join(main)}" if main else "")


def _number(run: "RunSummary", name: str) -> str:
    from gnm_core.printable import number

    reached = run.numbers.get(name)
    if reached is None:
        return ""
    best = "" if reached.best == reached.last else f" (best {number(reached.best)})"
    return f"{number(reached.last)}{best}"
