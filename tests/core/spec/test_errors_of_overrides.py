"""Mistakes on the command line and in Python mappings have their messages, too."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from gnm_core.errors import SpecError
from gnm_core.spec import load_spec

from .problems import problems_of


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.core.steps", "--set: 'model.core.steps' is not of the form path=value, such as model.core.steps=8"),
        ("=3", "--set: '=3' is not of the form path=value"),
        ("model..steps=3", "--set: 'model..steps=3' is not of the form path=value"),
        ("model.core.steps=[1", "--set: model.core.steps: is not YAML: expected ',' or ']'"),
        ("model.core.steps=!x 1", "--set: model.core.steps: the tag !x is not supported"),
        ("model.sigma=small", "--set: model.sigma: 'small' is text; expected a number above 0"),
        ("model.core.stepz=3", "--set: model.core.stepz: unknown option 'stepz' of core 'structdraw'"),
        ("model.head.2=3", "--set model.head.2: model.head: a list of 1 has no element '2'"),
        ("model.head.x=3", "--set model.head.x: model.head: a list of 1 has no element 'x'"),
        ("dims.size.x=3", "--set dims.size.x: dims.size: is 32, which has no keys"),
        ("nonsense=3", "--set: nonsense: unknown key 'nonsense' at the top of a spec"),
    ],
)
def test_overrides_are_checked_like_the_file(override: str, message: str, tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "dims: {size: 32}\nmodel: {use: gnm, head: [64]}\n", (override,))
    assert problem.startswith(message)


def test_overrides_report_all_their_problems_at_once(tmp_path: Path) -> None:
    assert len(problems_of(tmp_path, "model: gnm\n", ("a", "b=[", "c=3"))) == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"model": {"use": "gnm", "core": {"use": "structdraw", "steps": 0}}}, "^model.core.steps: 0 is out of range"),
        ({"model": {"use": "gnm", 3: 4}}, "^the key 3 is not text"),
        ({"model": object()}, "nothing that a spec can hold"),
        ({"model": "gnm", "data": {"use": "mnist-4", "digits": b"x"}}, "nothing that a spec can hold"),
        ({}, "^model: is missing"),
    ],
)
def test_mappings_are_checked_like_files(spec: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_spec(spec)


@pytest.mark.parametrize("text", ["model: gnmm\n", "model: [\n", "", "dims: {size: 100}\nmodel: gnm\n"])
def test_the_command_ends_with_two_and_no_traceback(
    text: str, tmp_path: Path, gnm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "spec.yaml").write_text(text)
    result = gnm("compose", "--spec", "spec.yaml")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("spec.yaml")
    assert "Traceback" not in result.stderr
