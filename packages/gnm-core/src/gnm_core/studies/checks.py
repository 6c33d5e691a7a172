"""What is seen of a study before anything is trained: its base, every run's spec, metrics; errors name the file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gnm_core.element_names import by_names
from gnm_core.errors import Problem, RunError, SpecError
from gnm_core.plugins import installed
from gnm_core.runs.find import find
from gnm_core.spec.checked import load_spec
from gnm_core.spec.nodes import Table
from gnm_core.spec.overrides import SOURCE
from gnm_core.spec.sources import locate
from gnm_core.studies.measures import choices_of
from gnm_core.studies.plan import Study, place_of
from gnm_core.studies.planned import PlannedRun, planned_runs


def rooted(study: Study, table: Table, near: Path) -> Study:
    """The study with what its file names beside it, its base and the run to begin with, named from anywhere.

    Args:
        study: as its file says it.
        table: that file.
        near: the file's folder.

    Raises:
        SpecError: there is no such base, or no such run.
    """
    base, first = study.spec, study.first
    if isinstance(base, str) and base not in installed().specs:
        try:
            base = str(locate(base, installed(), table.key_place("spec")).resolve())
        except SpecError as error:
            raise SpecError([replace(problem, path="spec") for problem in error.problems]) from None
    if first is not None and first.run is not None:
        here = near / first.run
        first = replace(first, run=str(here) if here.is_dir() else first.run)
        try:
            find(first.run or "")
        except RunError as error:
            place = place_of(table, ["first", "run"])
            raise SpecError([Problem(str(error), "first.run", place.line, place.column, place.source)]) from None
    return replace(study, spec=base, first=first)


def see_runs(study: Study, table: Table) -> None:
    """See that every variant's spec and all metrics are right.

    Raises:
        SpecError: they are not; all problems at once, each once, with its place in the study's file.
    """
    wrong: dict[str, list[str]] = {}
    base: object = None
    runs = [planned for planned in planned_runs(study) if planned.seed == study.seeds[0]]
    for planned in runs:
        try:
            planned.spec(study)
        except SpecError as error:
            base = base or _base(study)
            for problem in error.problems:
                wrong.setdefault(str(_placed(problem, study, planned, table, base)), []).append(planned.name)
    if wrong:
        heads = {text: "every run" if len(names) == len(runs) else ", ".join(names) for text, names in wrong.items()}
        texts = {head: [text for text in wrong if heads[text] == head] for head in heads.values()}
        raise SpecError([Problem(f"{head}:\n" + "\n".join(those)) for head, those in texts.items()])
    choices_of(study.evaluate)


def _placed(problem: Problem, study: Study, planned: PlannedRun, table: Table, base: object) -> Problem:
    """A problem with an option of the study's, where its file says it, by name or by number."""
    if problem.source != SOURCE:
        return problem
    options = [(by_names(path, base), where) for path, where in _options(study, planned)]
    found = [where for path, where in options if f"{problem.path}.".startswith(f"{path}.")]
    if not found:
        return problem
    place = place_of(table, found[-1])
    return replace(problem, line=place.line, column=place.column, source=place.source)


def _base(study: Study) -> object:
    """The base as it resolves; empty where it is whole only with what the study sets."""
    try:
        return load_spec(study.spec).resolved()
    except SpecError:
        return {}


def _options(study: Study, planned: PlannedRun) -> Iterator[tuple[str, list[str]]]:
    """Paths of a run's spec that the study sets, and where its file does so; what goes before comes later."""
    yield from ((path, ["set", path]) for path in study.set)
    for axis, name in planned.variant.items():
        values = study.grid.get(axis)
        if study.variants:
            yield from ((path, ["variants", name, path]) for path in study.variants[name])
        elif isinstance(values, dict):
            yield from ((path, ["grid", axis, name, path]) for path in values[name])
        else:
            yield axis, ["grid", axis]
    if planned.measures is None and study.first is not None:
        yield from ((path, ["first", "set", path]) for path in study.first.set)
