"""How far each run of a study is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from gnm_core.printable import number
from gnm_core.runs.summary import RunSummary, summary_of
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.planned import PlannedRun


@dataclass(frozen=True)
class RunStatus:
    """One run of a study."""

    planned: PlannedRun
    state: str
    """`done`, `running`, `failed`, `stopped` (goes on where it was) or `waiting` (not begun)."""
    why: str
    """Why it failed, or who trains it."""
    summary: RunSummary | None
    """What it has reached; None before it is begun."""

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        found = {} if self.summary is None else self.summary.as_json()
        return found | {
            "name": self.planned.name,
            "variant": dict(self.planned.variant),
            "seed": self.planned.seed,
            "state": self.state,
            "reason": self.why,
        }


def status_of(folder: StudyFolder) -> list[RunStatus]:
    """Every run, in the study's order. Reads while runs are written; takes no lock."""
    return [_status(folder, planned) for planned in folder.planned]


def _status(folder: StudyFolder, planned: PlannedRun) -> RunStatus:
    run, failure = folder.run(planned), folder.failure(planned)
    summary = summary_of(run) if (run / "spec.yaml").exists() else None
    if summary is not None and summary.state == "running":
        return RunStatus(planned, "running", summary.reason, summary)
    if folder.is_done(planned):
        return RunStatus(planned, "done", "", summary)
    if failure:
        return RunStatus(planned, "failed", failure, summary)
    if summary is None:
        return RunStatus(planned, "waiting", "", None)
    return RunStatus(planned, "broken" if summary.state == "broken" else "stopped", summary.reason, summary)


def status_table(root: Path, found: Sequence[RunStatus]) -> Table:
    """Name, state, steps, processor time and the first numbers of every run."""
    known = {name for one in found if one.summary for name in one.summary.numbers}
    names = [name for name in ("s-acc", "d-steps", "ll", "elbo") if name in known][:2]
    done = sum(one.state == "done" for one in found)
    title = f"{root}: {done} of {len(found)} runs done"
    table = Table(title=escape(title), title_justify="left", box=None, pad_edge=False)
    for column in ("run", "state"):
        table.add_column(column, overflow="fold")
    for column in ("step", "core min", *names):
        table.add_column(column, justify="right")
    for one in found:
        summary = one.summary
        if summary is None:
            table.add_row(escape(one.planned.name), one.state)
            continue
        minutes = "" if summary.core_minutes is None else f"{summary.core_minutes:.1f}"
        cells = [number(summary.numbers[n].last) if n in summary.numbers else "" for n in names]
        table.add_row(escape(one.planned.name), one.state, f"{summary.step:,}", minutes, *cells)
        if one.state == "failed":
            table.add_row("", escape(one.why.splitlines()[0]))
    return table
