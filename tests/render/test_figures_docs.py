"""What docs/figures.md says is so."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.plugins import installed
from PIL import Image

TEXT = (Path(__file__).parents[2] / "docs" / "figures.md").read_text()
COMMANDS = re.findall(r"^gnm .*", TEXT, re.MULTILINE)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def at_home(make_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the text speaks of."""
    random = np.random.default_rng(0)
    for i in range(40):
        path = tmp_path / "more-photos" / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    Image.open(tmp_path / "more-photos" / "0.png").convert("RGB").save(tmp_path / "photo.jpg")
    data = {"use": "image-folder", "dir": str(tmp_path / "more-photos"), "test": 0.5}
    make_run(data=data, name="runs/x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_something_to_check() -> None:
    assert len(COMMANDS) == 9
    assert len(PYTHON) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(at_home: Path, command: str) -> None:
    result = CliRunner().invoke(main, command.partition(" #")[0].split()[1:])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_runs(at_home: Path, code: str) -> None:
    exec(compile(code, "docs/figures.md", "exec"), {})
    with Image.open(at_home / "figure.png") as figure:
        assert figure.width > 500


def test_the_table_names_every_figure() -> None:
    ours = {entry.name for entry in installed().of_kind("figure") if entry.provider.distribution == "gnm-render"}
    assert set(re.findall(r"^\| `([a-z-]+)` \| .*(?:input|samples)", TEXT, re.MULTILINE)) == ours
