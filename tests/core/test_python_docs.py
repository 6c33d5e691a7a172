"""What docs/python.md shows runs as it stands, and names what there is."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import gnm_core
import pytest
from gnm_core.results import Scene
from gnm_core.training.device import Settings
from gnm_core.training.learner import Report

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gnm_data")
    pytest.importorskip("gnm_render")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert len(BLOCKS) == 3
    assert (names["run"].step, names["objects"].boxes.shape) == (14, (8, 16, 4))
    assert (tmp_path / "third.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert "12 runs/x/checkpoints/step-00000012" in said
    assert "step 10: loss" in said
    assert re.search(r"Scene\(4 scenes of 1 x 64 x 64, \d+ objects, code 16 x \d+\)", said)


def test_every_name_in_the_table_is_there() -> None:
    for name in re.findall(r"`gnm_core\.(\w+)", TEXT):
        assert hasattr(gnm_core, name), name
    for name in re.findall(r"`(\w+)`", TEXT[TEXT.index("Scenes are edited") :].partition(", each a new")[0]):
        assert isinstance(getattr(Scene, name), Callable)  # type: ignore[arg-type]


def test_settings_and_reports_are_told_in_full() -> None:
    for name in (*(field.name for field in fields(Settings)), *(field.name for field in fields(Report))):
        assert f"`{name}`" in TEXT
