"""Every count has an upper bound: no option makes a command work for ever, or ask for all the memory that there is."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import click
import pytest
from annotated_types import Interval, Le, Lt
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.cli.options import Amount
from gnm_core.dims import Dims
from gnm_core.errors import ShortageError, SpecError
from gnm_core.memory import memory, require_memory
from gnm_core.plugins import installed
from gnm_core.schema import Stage, Training
from gnm_core.spec import load_spec
from gnm_core.spec.annotations import arguments_of


def unbounded(annotation: Any, bounded: bool = False) -> Iterator[Any]:
    """The whole numbers in an annotation that may be as large as they like."""
    if get_origin(annotation) is Annotated:
        inner, *limits = get_args(annotation)
        yield from unbounded(inner, any(isinstance(limit, Le | Lt | Interval) for limit in limits))
    elif annotation is int and not bounded:
        yield annotation
    elif get_origin(annotation) not in (None, Literal):
        for inner in get_args(annotation):
            yield from unbounded(inner)


def test_every_whole_number_that_a_spec_can_give_has_an_upper_bound() -> None:
    classes = [entry.load() for entry in installed().parts.values()] + [Dims, Training, Stage]
    found = [
        f"{cls.__name__}.{name}"
        for cls in classes
        for name, argument in arguments_of(cls).items()
        if list(unbounded(argument.annotation))
    ]
    assert not found, f"write Annotated[int, Ge(...), Le(...)]: {', '.join(found)}"


SPECS_OWN = ("size", "seed", "count")
"""Handed to a spec or to a data set, which has bounds of its own."""


def options(command: click.Command, path: str) -> Iterator[tuple[str, click.Parameter]]:
    """Every option of a command and of those below it."""
    yield from ((f"{path} {' '.join(option.opts)}", option) for option in command.params)
    for name, inner in getattr(command, "commands", {}).items():
        yield from options(inner, f"{path} {name}")


def test_every_number_on_the_command_line_has_an_upper_bound_and_is_one() -> None:
    found = []
    for entry in installed().commands.values():
        for name, option in options(entry.load(), entry.name):
            if isinstance(option.type, click.IntRange):
                found += [name] if option.type.max is None else []
            elif isinstance(option.type, click.types.IntParamType):
                found += [] if option.name in SPECS_OWN else [name]
            elif isinstance(option.type, click.types.FloatParamType):
                found += [] if isinstance(option.type, Amount) else [name]
    assert not found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sample", "run", "--out", "x.png", "--seed", "99999999999999999999999"], "not in the range"),
        (["sample", "run", "--out", "x.png", "-n", "99999999999"], "not in the range"),
        (["figure", "run", "-n", "99999999999"], "not in the range"),
        (["evaluate", "run", "--at", "1" + "0" * 5000], "is neither a step nor 'best'"),
        (["train", "--resume", "run", "--seconds", "nan"], "nan is no amount"),
        (["train", "--resume", "run", "--core-minutes=-1"], "not in the range"),
    ],
)
def test_numbers_that_nobody_means_are_refused_by_name(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert told in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("model", "option"),
    [
        ("gnm", "core.steps"),
        ("space", "background.components"),
        ("genesis", "components"),
        ("convdraw", "core.steps"),
    ],
)
def test_a_billion_of_anything_is_out_of_range(model: str, option: str) -> None:
    with pytest.raises(SpecError, match="1000000000 is out of range"):
        load_spec({"dims": {"size": 32}, "model": model}, [f"model.{option}=1000000000"])


def test_a_model_larger_than_the_machine_says_so_before_it_is_made() -> None:
    _, free = memory()
    features = 8 * round((free / 4) ** 0.5 / 8)
    spec = load_spec({"dims": {"size": 32, "features": min(features, 65536)}, "model": "gnm"})
    assert spec.weights > free
    with pytest.raises(
        ShortageError, match=r"the model's weights would need about .* GB .*machine has .* GB, .* GB .*free"
    ):
        spec.model()


def test_what_there_is_suffices_for_what_there_is() -> None:
    total, free = memory()
    assert 0 < free <= total
    require_memory(free // 2, "half of it")
