"""The page on the design names what stands there, and all rooms that do."""

import re
import tomllib
from pathlib import Path

import gnm_core
import pytest

ROOT = Path(__file__).parents[2]
CORE = Path(gnm_core.__file__).parent
PAGE = (ROOT / "docs" / "design.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_]+(?:/|\.py))`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_stands(name: str) -> None:
    inside = [CORE / name, *(found / name for found in CORE.iterdir() if found.is_dir())]
    assert any(path.exists() for path in inside), f"docs/design.md names {name}"


def test_every_room_is_named() -> None:
    rooms = {f"{path.parent.name}/" for path in CORE.glob("*/*.py") if path.name != "__init__.py"}
    assert rooms <= set(NAMED)


def test_every_layer_that_is_enforced_is_named() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c.get("layers", [""])[0] == "gnm_core.cli")
    names = [name.strip().removeprefix("gnm_core.") for layer in layers for name in layer.split("|")]
    assert [name for name in names if not {f"{name}/", f"{name}.py"} & set(NAMED)] == []
