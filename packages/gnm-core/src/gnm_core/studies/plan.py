"""What a study asks for: a base spec, what varies, seeds, a budget, what to measure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gnm_core.errors import Problem, SpecError
from gnm_core.printable import short
from gnm_core.references import NAME
from gnm_core.spec.nodes import Items, Node, Place, Table, plain
from gnm_core.spec.yaml import read_file
from gnm_core.suggestions import did_you_mean

_STRICT = ConfigDict(extra="forbid")

Options = dict[str, Any]
"""Dotted paths of a spec, and their values: `{model.core.steps: 8}`."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a run is trained; the spec's own number of steps ends it too."""

    __pydantic_config__ = _STRICT
    steps: Annotated[int, Ge(1)] | None = None
    """Updates."""
    core_minutes: Annotated[float, Gt(0)] | None = None
    """Processor time; 60 minutes of two cores are 120."""


@dataclass(frozen=True, kw_only=True)
class First:
    """What is trained once for each seed, and whose weights the study's runs begin with."""

    __pydantic_config__ = _STRICT
    set: Options = field(default_factory=dict)
    """Options of this first training alone."""
    per: tuple[str, ...] = ()
    """Names of the grid's axes that it is trained anew for; without, all runs of a seed begin with the same weights."""
    budget: Budget = Budget()
    """Of each first training."""
    only: tuple[str, ...] = ()
    """What runs take of its weights, as `gnm train --only`; empty for all that fits."""
    run: str | None = None
    """A run or shipped model whose weights all runs begin with; nothing is trained first then."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured of every run when it has been trained."""

    __pydantic_config__ = _STRICT
    metrics: tuple[str, ...] = ()
    """Names of metrics; empty for none."""
    set: Options = field(default_factory=dict)
    """Options of metrics: `{s-acc.n: 500}`."""
    images: Annotated[int, Ge(1)] | None = None
    """Images of the split that any metric looks at, at most."""
    split: Literal["train", "validation", "test"] = "test"
    """Which images."""
    seed: Annotated[int, Ge(0)] = 0
    """Of the evaluation, the same for all runs."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study."""

    __pydantic_config__ = _STRICT
    about: str = ""
    """The question, in a sentence."""
    spec: str | dict[str, Any]
    """What every run has in common: a shipped spec's name, a file (relative to the study's), or a spec itself."""
    set: Options = field(default_factory=dict)
    """Options of every run, the first ones included."""
    grid: dict[str, dict[str, Options] | list[Any]] = field(default_factory=dict)
    """Axes, all of whose values are combined: a path of the spec with a list of values, or a name of your own with
    named values, each a set of options."""
    variants: dict[str, Options] = field(default_factory=dict)
    """Instead of a grid: what is compared, by name, each a set of options."""
    seeds: Annotated[tuple[Annotated[int, Ge(0)], ...], MinLen(1)] = (0,)
    """Each variant is trained once with each of these as its `train.seed`."""
    budget: Budget = Budget()
    """Of each run; what the first training took does not count."""
    first: First | None = None
    """What runs begin with; None for fresh weights."""
    evaluate: Measures = Measures()
    """What is measured."""
    threads: Annotated[int, Ge(1)] = 1
    """Processor threads of a run."""


_STUDY: TypeAdapter[Study] = TypeAdapter(Study)


def read_study(path: Path) -> Study:
    """Read a study's file.

    Raises:
        SpecError: it cannot be read, or asks for what makes no sense; all problems with their places.
    """
    return study_of(read_file(path))


def study_of(table: Table) -> Study:
    """The study that a file holds.

    Raises:
        SpecError: it asks for what makes no sense; all problems with their places.
    """
    data: Any = plain(table)
    try:
        study = _STUDY.validate_python(data)
    except ValidationError as error:
        raise SpecError(list(_problems(error, table))) from None
    problems = list(_contradictions(study, table))
    if problems:
        raise SpecError(problems)
    return study


def plain_study(study: Study) -> dict[str, Any]:
    """The study as plain data, every default explicit."""
    return dict(_STUDY.dump_python(study, mode="json"))


_TOP: dict[str, Any] = {
    "": Study,
    "budget": Budget,
    "first": First,
    "first.budget": Budget,
    "evaluate": Measures,
}


_EXPECTED = {
    "dict_type": "names with values",
    "dataclass_type": "names with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "a text",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
}
"""What pydantic calls a value of the wrong kind, and what was expected."""


def _problems(error: ValidationError, table: Table) -> Iterator[Problem]:
    """What pydantic found, where it stands in the file; each place once, and none for what lies below it."""
    found: dict[tuple[str, ...], list[Any]] = {}
    for one in error.errors(include_url=False):
        where = [str(step) for step in one["loc"] if not str(step).startswith(("function-", "dict[", "list["))]
        while where and where[-1] in ("str", "[key]"):
            where.pop()
        found.setdefault(tuple(where), []).append(one)
    for path, errors in found.items():
        if any(other != path and other[: len(path)] == path for other in found):
            continue  # pydantic minds the whole for what is wrong with an item
        expected = list(dict.fromkeys(_EXPECTED[one["type"]] for one in errors if one["type"] in _EXPECTED))
        problem = _problem(errors[0], list(path), table)
        if expected:
            problem = replace(
                problem, message=f"{short(repr(errors[0]['input']), 60)}; expected {' or '.join(expected)}"
            )
        yield problem


def _problem(error: Mapping[str, Any], where: list[str], table: Table) -> Problem:
    """One thing that pydantic found."""
    path, place = ".".join(where), place_of(table, where)
    hint = None
    if error["type"] == "unexpected_keyword_argument":
        known = list(_TOP.get(".".join(where[:-1]), Study).__dataclass_fields__)
        message = "is not known here"
        hint = did_you_mean(where[-1], known) or f"there are: {', '.join(known)}"
    elif error["type"] == "missing":
        message = "is missing"
    else:
        message = f"{short(repr(error['input']), 60)}: {error['msg'][:1].lower()}{error['msg'][1:]}"
    return Problem(message, path, place.line, place.column, place.source, hint)


def place_of(node: Node, where: list[str]) -> Place:
    """Where a path stands; where it does not, the nearest above."""
    place = node.place
    for step in where:
        if isinstance(node, Table) and step in node.nodes:
            place, node = node.key_place(step), node.nodes[step]
        elif isinstance(node, Items) and step.isdigit() and int(step) < len(node.nodes):
            node = node.nodes[int(step)]
            place = node.place
        else:
            break
    return place


def _contradictions(study: Study, table: Table) -> list[Problem]:
    """What cannot be meant together."""
    found: list[Problem] = []

    def say(message: str, *where: str, hint: str | None = None) -> None:
        place = place_of(table, list(where))
        found.append(Problem(message, ".".join(where), place.line, place.column, place.source, hint))

    _see_variants(study, say)
    _see_first(study, say)
    if study.evaluate.set and not study.evaluate.metrics:
        say("has no effect without metrics", "evaluate", "set")
    if len(set(study.seeds)) < len(study.seeds):
        say("a seed is there twice", "seeds")
    for name, budget in (("budget", study.budget), ("first.budget", study.first.budget if study.first else Budget())):
        if budget.steps is not None and budget.core_minutes is not None:
            say("steps and core_minutes: give one of the two", *name.split("."))
    return found


def _see_variants(study: Study, say: Callable[..., None]) -> None:
    if study.grid and study.variants:
        say("a grid and variants: give one of the two", "variants")
    if not study.grid and not study.variants:
        say("nothing varies: give a grid of options, or variants by name", "grid")
    for axis, values in study.grid.items():
        if not values:
            say("has no values", "grid", axis)
        for value in values if isinstance(values, dict) else ():
            _see_name(value, say, "grid", axis, value)
    for name in study.variants:
        _see_name(name, say, "variants", name)


def _see_first(study: Study, say: Callable[..., None]) -> None:
    first = study.first
    if first is None:
        return
    for axis in first.per:
        if axis not in study.grid:
            near = did_you_mean(axis, study.grid) or f"there are: {', '.join(study.grid) or 'none'}"
            say(f"the grid has no axis {axis!r}", "first", "per", hint=near)
    if first.run is not None and (first.set or first.per):
        say("is given, so that nothing is trained first: leave out set and per", "first", "run")


def _see_name(name: str, say: Callable[..., None], *where: str) -> None:
    if not NAME.fullmatch(name):
        say(f"{name!r} cannot be a name: letters, digits, '-', '_' and '.' only", *where)
