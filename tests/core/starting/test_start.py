"""`gnm start` says what is in a folder, and writes a spec that trains: for every folder that people have."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from gnm_core import load_spec
from gnm_core.cli import main
from gnm_core.starting.object_size import guess_object_size
from PIL import Image, ImageDraw


def scene(rng: np.random.Generator, size: int, side: int, mode: str = "RGB", ground: int | None = None) -> Image.Image:
    """A few squares of one size on a smooth ground."""
    image = Image.new("RGB", (size, size), (int(rng.integers(60, 120)),) * 3 if ground is None else (ground,) * 3)
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, y = rng.integers(1, size - side - 1, 2).tolist()
        grey = int(rng.integers(170, 255))
        colour = (grey, grey, grey) if mode == "L" else (grey, int(rng.integers(0, 60)), int(rng.integers(0, 60)))
        draw.rectangle((x, y, x + side - 1, y + side - 1), fill=colour)
    return image.convert(mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    rng = np.random.default_rng(0)
    for i in range(24):
        scene(rng, 64, 12).save(made / f"{i:02}.png")
    return made


def started(folder: Path, *more: str) -> Result:
    out = str(folder.parent / "my.yaml")
    return CliRunner().invoke(main, ["start", str(folder), "--out", out, "--no-timing", *more])


def loaded(folder: Path) -> dict:  # type: ignore[type-arg]
    resolved = load_spec(folder.parent / "my.yaml").resolved()
    assert isinstance(resolved, dict)
    return resolved


def pictures(folder: Path) -> dict:  # type: ignore[type-arg]
    data = loaded(folder)["data"]
    return data["data"] if data["use"] == "turned" else data  # type: ignore[no-any-return]


def test_it_says_what_is_there_and_guesses_without_a_terminal(folder: Path) -> None:
    done = started(folder)
    assert done.exit_code == 0, done.output
    assert "24 pictures, 64 x 64 px, in colour, with a ground of their own" in done.output
    size = float(re.search(r"object size: ([\d.]+) px: a guess", done.output)[1])  # type: ignore[index]
    assert 11 <= size <= 15
    text = (folder.parent / "my.yaml").read_text()
    assert "a guess from" in text
    assert loaded(folder)["dims"] | {"channels": 3, "size": 64, "grid": 4} == loaded(folder)["dims"]


def test_a_size_that_is_said_decides_where_boxes_begin(folder: Path) -> None:
    done = started(folder, "--object-size", "14")
    assert "14 px: said by you" in done.output
    scale = loaded(folder)["model"]["where_prior"]["mean"][0]
    assert 1 / (1 + np.exp(-scale)) == pytest.approx(1.15 * 14 / 64, abs=0.005)
    assert "guess" not in (folder.parent / "my.yaml").read_text()


def test_the_next_command_can_be_copied_as_it_stands(folder: Path) -> None:
    out = folder.parent / "my own.yaml"
    done = started(folder, "--object-size", "14", "--out", str(out))
    command = re.search(r"begin with: (gnm train .*)", done.output)[1]  # type: ignore[index]
    assert shlex.split(command) == ["gnm", "train", "--spec", str(out), "--out", "runs/my own"]
    assert "#   gnm train --spec 'my own.yaml' --out 'runs/my own'" in out.read_text()


def test_small_objects_in_large_pictures_get_a_larger_square(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(3):
        scene(np.random.default_rng(i), 400, 30).save(folder / f"{i}.png")
    started(folder, "--object-size", "30")
    dims = loaded(folder)["dims"]
    assert (dims["size"], dims["grid"]) == (128, 8)
    load_spec(folder.parent / "my.yaml").model()


def test_grey_on_black_needs_neither_masks_nor_a_background(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(30):
        scene(rng, 64, 12, "L", ground=0).save(folder / f"{i}.png")
    done = started(folder)
    assert "grey, mostly black" in done.output
    spec = loaded(folder)
    assert spec["dims"]["channels"] == 1
    assert spec["model"]["renderer"]["background"] is None
    assert spec["model"]["glimpse_encoder"]["use"] == "mlp"


def test_broken_files_are_named_and_left_out(folder: Path) -> None:
    (folder / "torn.png").write_bytes((folder / "00.png").read_bytes()[:90])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    done = started(folder)
    assert "2 cannot be read and are left out:" in done.output
    assert "torn.png" in done.output
    assert "empty.jpg: the file is empty" in done.output
    assert "1 .txt" in done.output
    data = pictures(folder)
    assert data["on_broken"] == "skip"
    assert data["most_broken"] > 2 / 26
    assert len(load_spec(folder.parent / "my.yaml").data("train")) > 0


def test_pictures_of_several_sizes_and_with_transparency(folder: Path) -> None:
    scene(np.random.default_rng(1), 90, 12).save(folder / "large.png")
    scene(np.random.default_rng(2), 64, 12, "RGBA").save(folder / "clear.png")
    done = started(folder)
    assert "64 x 64, 90 x 90 px" in done.output
    assert "1 are transparent in part" in done.output
    assert pictures(folder)["background"] == "black"


def test_one_picture_is_enough_to_begin(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    scene(np.random.default_rng(0), 64, 12).save(folder / "only.png")
    assert started(folder).exit_code == 0
    assert pictures(folder)["validation"] == pictures(folder)["test"] == 0
    assert len(load_spec(folder.parent / "my.yaml").data("train")) == 8


def test_where_nothing_stands_out_it_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(folder / "plain.png")
    assert "nothing stands out of the ground" in started(folder).output


def test_small_pictures_are_enlarged_and_tiny_ones_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for side, code, said in (
        (32, 0, "smaller than the model's square of 64 px"),
        (3, 2, "most pictures are 3 px high"),
    ):
        Image.new("RGB", (40, side)).save(folder / "one.png")
        done = started(folder, "--force")
        assert (done.exit_code, said in done.output) == (code, True), done.output


@pytest.mark.parametrize("kind", ["empty", "missing", "file", "all broken"])
def test_what_is_no_folder_of_pictures_ends_with_2_and_writes_nothing(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    if kind == "file":
        folder.write_text("no folder")
    elif kind != "missing":
        folder.mkdir()
    if kind == "all broken":
        (folder / "torn.png").write_bytes(b"\x89PNG")
    done = started(folder)
    assert done.exit_code == 2
    assert str(folder) in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["pictures"])


def test_a_spec_that_is_there_is_not_replaced_without_force(folder: Path) -> None:
    (folder.parent / "my.yaml").write_text("mine")
    done = started(folder)
    assert done.exit_code == 2
    assert "--force" in done.output
    assert (folder.parent / "my.yaml").read_text() == "mine"
    assert started(folder, "--force").exit_code == 0
    assert started(folder, "--force", "--object-size", "900").exit_code == 2


def test_stopped_while_it_is_timed_it_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnm_core.starting import start

    def stopped(*arguments: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "_time", stopped)
    done = CliRunner().invoke(main, ["start", str(folder), "--out", str(folder.parent / "my.yaml")])
    assert done.exit_code != 0
    assert sorted(path.name for path in folder.parent.iterdir()) == ["pictures"]


def test_the_spec_trains_and_says_how_long_it_takes(folder: Path) -> None:
    out = folder.parent / "my.yaml"
    done = CliRunner().invoke(main, ["start", str(folder), "--out", str(out), "--short", "--object-size", "12"])
    assert re.search(r"steps take some [\d,]+ minutes on this machine", done.output), done.output
    assert re.search(r"# .*steps take some", out.read_text())
    run = folder.parent / "run"
    trained = CliRunner().invoke(main, ["train", "--spec", str(out), "--out", str(run), "--steps", "1"])
    assert trained.exit_code == 0, trained.output
    assert "diagnosis: too few steps yet: 1 of" in trained.output


@pytest.mark.parametrize("side", [8, 12, 20])
def test_the_guess_follows_the_size(side: int) -> None:
    rng = np.random.default_rng(side)
    images = np.stack([np.asarray(scene(rng, 64, side)).transpose(2, 0, 1) for _ in range(40)])
    guess = guess_object_size(images)
    assert guess is not None
    assert guess.side == pytest.approx(side, rel=0.25)
