"""The commands on one's own pictures do what the page says."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gnm_core import load_spec
from gnm_core.cli import main
from gnm_core.diagnosis.rules import RULES
from PIL import Image

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "own-pictures.md").read_text()
FAST = {"start": ["--no-timing"], "train": ["--steps", "1"], "evaluate": ["-n", "2", "--no-report"]}


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for line in blocks[0].splitlines()]


def test_from_a_folder_to_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Path("pictures").mkdir()
    for i in range(3):
        Image.fromarray(rng.integers(90, 140, (64, 64, 3), dtype=np.uint8)).save(f"pictures/{i}.png")
    for command in commands():
        done = CliRunner().invoke(main, [*command, *FAST.get(command[0], [])])
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("found").glob("*.json")) == ["0.json", "1.json", "2.json"]


def test_the_bases_on_the_page_are_shipped() -> None:
    for name in ("gnm-64", "own-pictures-64", "own-pictures-64-short"):
        assert f"`{name}`" in PAGE
        load_spec({"base": name, "data": None} if name == "gnm-64" else {"base": name})
    stage = load_spec({"base": "own-pictures-64-short"}).training().schedule()[0]
    assert f"{stage.steps:,} steps" in PAGE


def test_every_diagnosis_is_documented() -> None:
    training = (DOCS / "training.md").read_text()
    for rule in RULES:
        assert f"| {rule.name} |" in training
