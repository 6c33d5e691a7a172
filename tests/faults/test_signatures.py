"""`gnm parts` shows what a constructor takes, however its annotations are written; the composer takes the same."""

import textwrap
from pathlib import Path

import pytest
from gnm_core.dims import Dims
from gnm_core.plugins import installed
from gnm_core.registry import Register, registry_of
from gnm_core.signatures import signature_of
from gnm_core.spec import load_spec
from gnm_core.spec.annotations import arguments_of

SOURCE = """
    import typing
    import typing as t
    from typing import Optional, Union

    import annotated_types as at
    from annotated_types import Ge

    from gnm_core.dims import Dims
    from gnm_core.parts.priors.normal import NormalPrior
    from gnm_core.parts.priors.standard_normal import StandardNormal

    MOST = 64_000_000


    class Odd(StandardNormal):
        \"\"\"An odd one.\"\"\"

        def __init__(
            self,
            dims: Dims,
            *,
            a: t.Annotated[int, Ge(1)] = 2,
            b: Optional[int] = None,
            c: Union[int, str] = 3,
            d: t.Literal["x", "y"] = "x",
            e: int = MOST,
            f: typing.Optional[t.Annotated[float, at.Gt(0)]] = None,
            g: t.Union[None, bool] = None,
        ) -> None:
            super().__init__(dims)


    class Heir(Odd):
        \"\"\"Takes what Odd takes.\"\"\"

        def __init__(self, dims: Dims, *, z: int = 9, a: int = 5, **rest: t.Any) -> None:
            super().__init__(dims, a=a, **rest)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "odd_parts.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.syspath_prepend(tmp_path)
    return "odd_parts"


def test_every_spelling_of_an_annotation_is_put_in_words(module: str) -> None:
    options = {option.name: (option.type, option.default) for option in signature_of(f"{module}:Odd").options}
    assert options == {
        "a": ("integer >= 1", "2"),
        "b": ("integer or null", "null"),
        "c": ("integer or text", "3"),
        "d": ("x or y", "x"),
        "e": ("integer", "64000000"),
        "f": ("number > 0 or null", "null"),
        "g": ("null or true or false", "null"),
    }


def test_what_is_handed_on_to_the_class_above_is_shown_and_taken(module: str) -> None:
    options = {option.name: option.default for option in signature_of(f"{module}:Heir").options}
    assert options == {"z": "9", "a": "5", "b": "null", "c": "3", "d": "x", "e": "64000000", "f": "null", "g": "null"}
    register = Register(installed().plugins[0].provider)
    register.prior("heir", f"{module}:Heir")
    registry = registry_of([register])
    cls = registry.parts["prior", "heir"].load()
    assert set(arguments_of(cls)) == {"dims", *options}
    registry.parts |= installed().parts
    core = {"use": "structdraw", "prior": {"use": "heir", "z": 1, "e": 7}}
    assert load_spec({"model": {"use": "gnm", "core": core}}, registry=registry).model().dims == Dims()


def test_no_part_shows_a_name_where_a_default_should_be() -> None:
    for entry in installed().parts.values():
        for option in signature_of(entry.target).options:
            assert option.type not in ("Annotated", "Optional", "Union"), f"{entry}: {option}"
            assert not (option.default or "").isupper(), f"{entry}: {option}"
