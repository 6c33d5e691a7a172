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


def test_type_checkers_see_the_same_names_in_the_same_modules() -> None:
    tree = ast.parse(Path(gnm_core.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == gnm_core._HOME


def test_other_names_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gnm_core' has no attribute 'compse'"):
        _ = gnm_core.compse  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = "import sys, gnm_core; print(sorted({'torch', 'numpy', 'pydantic', 'click'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
