"""The names of `gnm_core`: all there, imported on first use, the same for type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import gnm_core
import pytest


@pytest.mark.parametrize("name", gnm_core.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert name == "hookimpl" or getattr(gnm_core, name).__name__ == name
    assert name in dir(gnm_core)


def test_type_checkers_see_the_same_names() -> None:
    stub = ast.parse(Path(gnm_core.__file__).with_suffix(".pyi").read_text())
    seen = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(gnm_core.__all__)


def test_other_names_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gnm_core' has no attribute 'compse'"):
        _ = gnm_core.compse  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = "import sys, gnm_core; print(sorted({'torch', 'numpy', 'pydantic', 'click'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
