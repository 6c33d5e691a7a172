"""`gnm data check` names everything that is wrong with a folder, in text or JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from PIL import Image


def check(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", "check", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound pictures in subfolders that are splits."""
    for i, name in enumerate(("train/a.png", "train/b.png", "test/c.png", "validation/d.png")):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20 + i, 10), 40 * i).save(path)
    return tmp_path / "pictures"


def test_a_sound_folder_is_said_to_be_sound(folder: Path) -> None:
    done = check(folder)
    assert (done.exit_code, done.stdout) == (0, f"{folder}: 4 pictures of 20 x 10 to 23 x 10 pixels: sound\n")


def test_every_bad_picture_of_every_split_is_named(folder: Path) -> None:
    for split in ("train", "test", "validation"):
        (folder / split / "bad.png").write_text("no picture")
        (folder / split / "empty.jpg").touch()
    done = check(folder)
    assert done.exit_code == 2
    assert "6 of 10 pictures cannot be read:" in done.output
    assert "Traceback" not in done.output
    found = check(folder, "--json")
    assert found.exit_code == 2
    listed = json.loads(found.stdout)
    assert (listed["sound"], listed["pictures"]) == (False, 10)
    assert sorted(listed["broken"]) == sorted(
        f"{split}/{name}" for split in ("train", "test", "validation") for name in ("bad.png", "empty.jpg")
    )
    assert all(name in done.output for name in listed["broken"])
    assert CliRunner().invoke(main, ["data", "verify", str(folder)]).exit_code == 2
    assert check(folder, "--exclude", "bad.*", "--exclude", "empty.*").exit_code == 0


def test_annotations_are_checked_against_every_picture(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(
        "file,label,x0,y0,x1,y1\ntrain/a.png,disc,1,1,5,5\ntest/c.png,disc,1,20,5,25\nvalidation/d.png,disc,30,1,35,5\n"
    )
    done = check(folder, "--annotations", table)
    assert done.exit_code == 2
    assert (
        f"{table}, line 3: the box (1, 20, 5, 25) lies outside the picture test/c.png of 22 x 10 pixels" in done.output
    )
    assert f"{table}, line 4: the box" in done.output
    assert len(json.loads(check(folder, "--annotations", table, "--json").stdout)["annotations"]) == 2
    done = check(folder, "--annotations", table, "--names", "disk,square")
    assert "line 2: no class is called 'disc'; did you mean 'disk'?" in done.output
    table.write_text("file,label,x0,y0,x1,y1\ntrain/a.png,disc,1,1,5,5\n")
    done = check(folder, "--annotations", table)
    assert done.exit_code == 0, done.output
    assert "4 pictures of 20 x 10 to 23 x 10 pixels, 1 object: sound" in done.stdout
    assert "no annotation names 1 of 2 pictures of the train split" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing"], "missing: there is no such folder"),
        ([".", "--annotations", "no.json"], "no.json: there is no such file"),
        ([".", "--include", "*.gif"], "include: '*.gif' fits none"),
        ([".", "--white", "0"], "--white"),
        ([".", "--max-pixels", "100"], "more than max_pixels = 100"),
        ([], "Missing argument 'DIR'"),
    ],
)
def test_what_cannot_be_checked_ends_with_2(
    arguments: list[str], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = check(*arguments)
    assert done.exit_code == 2
    assert words in done.output
    assert "Traceback" not in done.output
