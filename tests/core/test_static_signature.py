"""Signatures read from source texts agree with what Python itself says, and import nothing."""

import sys
from pathlib import Path

import pytest
from gnm_core.plugins import installed
from gnm_core.registry import Entry
from gnm_core.signatures import Option, Signature, Unreadable, signature_of

ENTRIES = list(installed().parts.values())


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Writes a module that can be found; gives back its signature of a class."""
    monkeypatch.syspath_prepend(tmp_path)
    count = iter(range(100))

    def write(source: str, name: str = "Part", **others: str) -> Signature:
        top = f"static_{tmp_path.name.replace('-', '_')}_{next(count)}"
        (tmp_path / top).mkdir()
        (tmp_path / top / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
        for path, text in {"parts": source, **others}.items():
            (tmp_path / top / f"{path}.py").write_text(text)
        return signature_of(f"{top}.parts:{name}")

    return write


def options(found: Signature) -> dict[str, Option]:
    return {option.name: option for option in found.options}


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{e.kind}-{e.name}" for e in ENTRIES])
def test_source_and_python_agree_on_every_registered_part(entry: Entry) -> None:
    from gnm_core.contracts import Contract
    from gnm_core.dims import Dims
    from gnm_core.spec.annotations import MISSING, arguments_of, strip

    found, cls = signature_of(entry.target), entry.load()
    arguments = {k: a for k, a in arguments_of(cls).items() if strip(a.annotation)[0] is not Dims}
    assert [option.name for option in found.options] == list(arguments)
    for option in found.options:
        argument = arguments[option.name]
        has_default = argument.default is not MISSING or "Default(" in str(argument.annotation)
        assert (option.default is None) == (not has_default), option
        assert option.help, f"{entry}: the docstring does not explain '{option.name}'"
    assert found.summary
    named = {c.__name__ for c in cls.__mro__ if issubclass(c, Contract) and "describes" in vars(c)}
    assert set(found.contracts) == named


def test_types_ranges_and_defaults_in_words(module) -> None:  # type: ignore[no-untyped-def]
    found = module(
        '''
from pathlib import Path
from typing import Annotated, Literal
from annotated_types import Ge, Gt, Le, Lt, MinLen
from gnm_core.contracts import Default, Dims, Encoder, ScenePrior, Schedule

Sizes = tuple[Annotated[int, Ge(1)], ...]

class Part(Encoder):
    """One line
    of what it is.

    More about it.

    Args:
        dims: sizes.
        count: how many,
            on two lines.
        inner: another.
    """

    def __init__(
        self,
        dims: Dims,
        count: Annotated[int, Ge(1), Le(9)],
        *,
        inner: Annotated[Encoder, Default("conv", widths=(1, 2))],
        maybe: ScenePrior | None = None,
        weights: dict[str, Schedule] | None = None,
        rate: Annotated[float, Gt(0), Lt(1)] = 1e-4,
        sizes: Annotated[Sizes, MinLen(1)] = (64, 64),
        mode: Literal["a", "b"] = "a",
        file: Path | None = None,
        from_: bool = True,
        odd: "SomethingElse" = 3 + 4,
    ) -> None: ...
'''
    )
    assert found.summary == "One line of what it is."
    assert found.contracts == ("Encoder",)
    assert {name: (o.type, o.default, o.slot) for name, o in options(found).items()} == {
        "count": ("integer >= 1, <= 9", None, None),
        "inner": ("encoder", "{use: conv, widths: [1, 2]}", "encoder"),
        "maybe": ("prior or null", "null", "prior"),
        "weights": ("mapping of names to schedule or null", "null", "schedule"),
        "rate": ("number > 0, < 1", "0.0001", None),
        "sizes": ("list of integer >= 1 (not empty)", "[64, 64]", None),
        "mode": ("a or b", "a", None),
        "file": ("path or null", "null", None),
        "from": ("true or false", "true", None),
        "odd": ("SomethingElse", "3 + 4", None),
    }
    assert options(found)["count"].help == "how many, on two lines."
    assert options(found)["inner"].help == "another."


def test_constructors_are_inherited_and_names_re_exported(module) -> None:  # type: ignore[no-untyped-def]
    found = module(
        "from .base import Renamed as Part\n",
        base='from .deep import Base\nclass Renamed(Base):\n    """The heir."""\n',
        deep="from gnm_core import Encoder\nclass Base(Encoder):\n    def __init__(self, *, x: int = 3): ...\n",
    )
    assert found.summary == "The heir."
    assert found.contracts == ("Encoder",)
    assert list(options(found)) == ["x"]


def test_dataclasses_show_their_fields(module) -> None:  # type: ignore[no-untyped-def]
    found = module(
        '''
from dataclasses import dataclass
from typing import ClassVar
from gnm_core.contracts import Schedule

@dataclass(frozen=True)
class Base(Schedule):
    start: float
    """Where it
    begins."""

@dataclass(frozen=True)
class Part(Base):
    end: float = 1.0
    kind: ClassVar[str] = "schedule"
'''
    )
    assert {name: (o.default, o.help) for name, o in options(found).items()} == {
        "start": (None, "Where it begins."),
        "end": ("1", ""),
    }


def test_a_kind_of_ones_own_is_recognised(module) -> None:  # type: ignore[no-untyped-def]
    found = module(
        """
from typing import ClassVar
from gnm_core.contracts import Contract

class Weather(Contract):
    kind: ClassVar[str] = "weather"
    describes = "rain or shine"

class Part(Weather):
    def __init__(self, *, tomorrow: Weather | None = None): ...
"""
    )
    assert (found.contracts, found.describes) == (("Weather",), "rain or shine")
    assert options(found)["tomorrow"].slot == "weather"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 3\n", "has no class Part"),
        ("class Part(:\n", "is not Python"),
        ("from .gone import Part\n", "there is no module"),
        ("from .parts import Part\n", "has no class Part"),
        ("\0", "is not Python|cannot be read"),
    ],
)
def test_what_cannot_be_read_says_why(source: str, message: str, module) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Unreadable, match=message):
        module(source)


@pytest.mark.parametrize("target", ["no_such_module_at_all:X", "gnm_core.no_such:X", "sys:X", "math:X"])
def test_modules_without_source(target: str) -> None:
    with pytest.raises(Unreadable, match=r"there is no module|has no source text|has no class"):
        signature_of(target)


def test_nothing_is_imported(module) -> None:  # type: ignore[no-untyped-def]
    before = set(sys.modules)
    module("from gnm_core.contracts import Encoder\nclass Part(Encoder):\n    pass\n")
    assert not {name for name in set(sys.modules) - before if name.startswith(("static_", "torch"))}
