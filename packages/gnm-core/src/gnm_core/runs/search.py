"""Runs in a folder: found, filtered by what their specs say, sorted by what they have reached."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import get_args

from gnm_core.errors import RunError
from gnm_core.printable import quoted
from gnm_core.runs.summary import RunSummary, State, slug, summary_of
from gnm_core.suggestions import did_you_mean

DEEPEST = 6
"""Levels of folders that are looked through."""
MARKS = ("spec.yaml", "settings.json", "checkpoints")
"""What a run has; with two of them a folder is one, if perhaps a broken one."""
INNER = ("checkpoints", "pictures", "evaluation", "set-aside", "tensorboard", "best")
"""Folders of a run that hold no runs."""


def runs_in(root: Path) -> Iterator[RunSummary]:
    """Every run in a folder and in those below it, by path.

    Raises:
        RunError: there is no such folder.
    """
    if not root.is_dir():
        raise RunError(f"{root}: there is no such folder")
    for place, folders, files in os.walk(root):
        depth = len(Path(place).relative_to(root).parts)
        inside = sum(mark in {*folders, *files} for mark in MARKS) > 1
        away = INNER if inside else ()
        folders[:] = sorted(f for f in folders if f not in away and not f.startswith(".")) if depth < DEEPEST else []
        if inside:
            yield summary_of(Path(place))


def where(runs: Sequence[RunSummary], conditions: Iterable[str]) -> list[RunSummary]:
    """The runs that meet every condition.

    Args:
        runs: all.
        conditions: `NAME=VALUE` or `NAME!=VALUE`: the end of an option's path (`core`, `core.prior`, `train.seed`), or
            `state`.

    Raises:
        RunError: a condition cannot be read, or no run has such an option.
    """
    kept = list(runs)
    for text in conditions:
        name, equals, value = text.partition("=")
        negated = name.endswith("!")
        name = name.removesuffix("!").strip()
        if not equals or not name:
            raise RunError(f"{quoted(text)} is not of the form NAME=VALUE, such as core=cells")
        if name == "state" and value.strip() not in get_args(State):
            raise RunError(f"no run has the state {quoted(value.strip())}; a state is {' or '.join(get_args(State))}")
        found = [(run, _values(run, name)) for run in runs if run.state != "broken" or name == "state"]
        if found and not any(values for _, values in found):
            known = sorted({path for run, _ in found for path in (*run.parts, *run.options)})
            hint = did_you_mean(name, known)
            raise RunError(f"no run has an option '{name}'" + (f"\n    {hint}" if hint else ""))
        met = {id(run) for run, values in found if (value.strip() in values) != negated}
        kept = [run for run in kept if id(run) in met]
    return kept


def numbers_of(runs: Sequence[RunSummary], names: Iterable[str]) -> list[str]:
    """The numbers of these names, as runs have them.

    Raises:
        RunError: no run has such a number.
    """
    known = sorted({number for run in runs for number in run.numbers})
    wanted = [slug(name) for name in names]
    for name in wanted:
        if runs and name not in known:
            near = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
            raise RunError(f"no run has a number {quoted(name)}\n    {near}")
    return wanted


def in_order(runs: Sequence[RunSummary], by: str) -> list[RunSummary]:
    """The best first; those without that number last.

    Args:
        runs: all.
        by: a number's name, such as `s-acc`; or `step`, `core-minutes` or `name`.

    Raises:
        RunError: no run has such a number.
    """
    name = slug(by)
    if name == "name":
        return sorted(runs, key=lambda run: str(run.folder))
    if name in ("step", "core-minutes"):
        return sorted(runs, key=lambda run: -float((run.step if name == "step" else run.core_minutes) or 0))
    known = sorted({number for run in runs for number in run.numbers})
    if runs and name not in known:
        near = did_you_mean(name, known) or f"there are: {', '.join([*known, 'step', 'core-minutes', 'name'])}"
        raise RunError(f"no run has a number '{by}'\n    {near}")

    def key(run: RunSummary) -> tuple[bool, float]:
        reached = run.numbers.get(name)
        if reached is None:
            return True, 0.0
        return False, reached.last if reached.higher_is_better is False else -reached.last

    return sorted(runs, key=key)


def _values(run: RunSummary, name: str) -> set[str]:
    """What a run says of a name: as YAML writes it."""
    if name == "state":
        return {run.state}
    return {
        str(value).lower() if isinstance(value, bool) else str(value)
        for path, value in run.options.items()
        if path == name or path.endswith(f".{name}")
    }
