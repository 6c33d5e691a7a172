"""`gnm judge`: a folder of pictures, a contact sheet, counts."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.dims import Dims
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.judges.digit_corruptions import corrupted, removed
from gnm_data.scenes.mnist4 import Mnist4
from PIL import Image


def judge(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["judge", *map(str, arguments)])


def refused(*arguments: object) -> str:
    """What the command says when it refuses: with exit code 2 and no traceback."""
    result = judge(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight real scenes and four that lack a digit."""
    data = Mnist4(Dims(channels=1, size=64), digits=EmbeddedDigits(), split="test")
    pictures = [*data.batch(range(8)).image, *corrupted(data, removed, range(4))]
    (tmp_path / "pictures").mkdir()
    for number, picture in enumerate(pictures):
        pixels = (picture[0].numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number:02d}.png")
    return tmp_path / "pictures"


def test_it_prints_the_share_and_the_reasons(folder: Path) -> None:
    result = judge(folder, "--rule", "mnist-4")
    assert result.exit_code == 0, result.output
    assert "mnist-4/2: accepted 8 of 12: 66.7 % (95 % interval" in result.output
    assert "three digits, none at" in result.output


def test_json_holds_every_verdict(folder: Path) -> None:
    told = json.loads(judge(folder, "--rule", "mnist-4", "--json").stdout)
    assert told["judge"] == "mnist-4/2"
    assert (told["pictures"], told["accepted"]) == (12, 8)
    assert [verdict["file"] for verdict in told["verdicts"]] == [f"{number:02d}.png" for number in range(12)]
    assert [verdict["accepted"] for verdict in told["verdicts"]] == [True] * 8 + [False] * 4
    assert all(len(verdict["objects"]) == 4 for verdict in told["verdicts"][:8])
    assert sum(told["reasons"].values()) == 4


def test_the_sheet_shows_what_was_judged(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = judge(folder, "--rule", "mnist-4", "-n", 3, "--out", out)
    assert result.exit_code == 0, result.output
    assert "accepted 3 of 3" in result.output
    with Image.open(out) as sheet:
        colours = {colour for _, colour in sheet.getcolors(1 << 20) or ()}
        assert (66, 215, 125) in colours
        assert (255, 90, 79) not in colours


def test_what_it_refuses(folder: Path, tmp_path: Path) -> None:
    assert "there is no judge 'mnist4'" in refused(folder, "--rule", "mnist4")
    assert "mnist-4-10" in refused(folder, "--rule", "mnist4")
    assert "no such folder" in refused(tmp_path / "none", "--rule", "mnist-4")
    (tmp_path / "empty").mkdir()
    assert "no pictures" in refused(tmp_path / "empty", "--rule", "mnist-4")
    assert "cannot be written" in refused(folder, "--rule", "mnist-4", "--out", tmp_path / "none" / "sheet.png")
    (folder / "05.png").write_bytes(b"")
    assert "05.png" in refused(folder, "--rule", "mnist-4")
