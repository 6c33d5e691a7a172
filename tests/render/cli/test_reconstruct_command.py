"""`gnm reconstruct` finds the objects in anybody's pictures, or names every picture that it cannot read."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core import load_run
from gnm_core.cli import main
from gnm_core.parts.data.picture import read_picture
from PIL import Image


def reconstruct(run: Path, *options: object) -> Result:
    return CliRunner().invoke(main, ["reconstruct", str(run), *map(str, options)])


def refused(result: Result, *texts: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    for text in texts:
        assert text in result.output


def photo(path: Path, width: int, height: int, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_every_object_is_listed_in_both_frames(
    make_run: Callable[..., Path], tmp_path: Path, masks: bool, fit: str
) -> None:
    run = make_run(masks=masks, certainty=1.0)
    path = photo(tmp_path / "cat.png", 200, 100)
    result = reconstruct(run, path, "--out", tmp_path / "found", "--fit", fit)
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "found" / "cat.json").read_text())
    assert (data["width"], data["height"], data["size"], data["fit"], data["step"]) == (200, 100, 32, fit, 0)
    model = load_run(run).model
    picture = read_picture(path, model.dims, fit=fit)
    objects = model.objects(torch.from_numpy(picture.pixels)[None] / 255)
    assert len(data["objects"]) == int(objects.present.sum()) > 0
    scale, left, top = {
        "crop": ((100 / 32, 100 / 32), 50, 0),
        "pad": ((200 / 32, 200 / 32), 0, -50),
        "stretch": ((200 / 32, 100 / 32), 0, 0),
    }[fit]
    for thing in data["objects"]:
        x0, y0, x1, y1 = thing["box"]
        expected = [x0 * scale[0] + left, y0 * scale[1] + top, x1 * scale[0] + left, y1 * scale[1] + top]
        assert thing["box_in_picture"] == pytest.approx(expected, abs=1e-2)
        assert thing["confidence"] > 0.5
        assert len(thing["what"]) == 4
        assert isinstance(thing["depth"], float)
    with Image.open(tmp_path / "found" / "cat.png") as panel:
        assert panel.mode == "RGB"
        assert panel.height >= 192


def test_pictures_of_all_sizes_and_folders_of_them_go_in(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run(certainty=-3)
    photo(tmp_path / "in" / "a.jpg", 30, 300)
    photo(tmp_path / "in" / "deep" / "a.png", 17, 17)
    photo(tmp_path / "in" / "deep" / "b.webp", 640, 480)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    single = photo(tmp_path / "b.png", 32, 32)
    result = reconstruct(run, tmp_path / "in", single, "--out", tmp_path / "found")
    assert result.exit_code == 0, result.output
    names = sorted(file.name for file in (tmp_path / "found").iterdir())
    assert names == sorted(f"{name}.{kind}" for name in ("a", "a-2", "b", "b-2") for kind in ("json", "png"))
    sources = {json.loads((tmp_path / "found" / f"{n}.json").read_text())["picture"] for n in ("a", "a-2", "b", "b-2")}
    assert sources == {str(path) for path in (*(tmp_path / "in").rglob("*.[jpw]*"), single)}


def test_a_picture_is_reconstructed_the_same_alone_and_among_others(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    run = make_run(certainty=1.0)
    paths = [photo(tmp_path / f"{i}.png", 40, 50, seed=i) for i in range(3)]
    assert reconstruct(run, *paths, "--out", tmp_path / "all").exit_code == 0
    assert reconstruct(run, paths[1], "--out", tmp_path / "one").exit_code == 0
    for name in ("1.png", "1.json"):
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_all_problems_are_named_and_nothing_is_written(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    good = photo(tmp_path / "good.png", 40, 40)
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder").mkdir()
    wrong = [tmp_path / "text.png", tmp_path / "empty.jpg", tmp_path / "folder"]
    missing = [tmp_path / "nowhere.png", tmp_path / "neither.png"]
    result = reconstruct(run, good, *wrong, *missing, "--out", tmp_path / "found")  # told before the model is loaded
    refused(result, "nowhere.png: there is no such file", "neither.png: there is no such file", "Nothing was written.")
    result = reconstruct(run, good, *wrong, "--out", tmp_path / "found")
    refused(
        result,
        "text.png: not a picture",
        "empty.jpg: the file is empty",
        "folder: no pictures in this folder",
        "Nothing was written.",
    )
    assert "good.png" not in result.output
    assert not (tmp_path / "found").exists()


def test_wrong_calls_are_refused(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    good = photo(tmp_path / "good.png", 40, 40)
    refused(reconstruct(run, good), "Missing option '--out'")
    refused(reconstruct(run, "--out", tmp_path / "found"), "Missing argument 'IMAGES...'")
    refused(reconstruct(tmp_path / "nowhere", good, "--out", tmp_path / "found"), "there is no such folder")
    refused(reconstruct(run, good, "--out", good), "cannot be written")
    with Image.open(good) as untouched:
        assert untouched.size == (40, 40)


def test_no_panel_takes_the_place_of_a_picture(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    pictures = [photo(tmp_path / "in" / f"{name}.png", 40, 40) for name in "ab"]
    before = [path.read_bytes() for path in pictures]
    refused(reconstruct(run, tmp_path / "in", "--out", tmp_path / "in" / ".." / "in"), "choose another --out")
    assert [path.read_bytes() for path in pictures] == before
    assert sorted((tmp_path / "in").iterdir()) == pictures


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_a_name_that_is_not_utf8_comes_back_from_the_json(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run(certainty=1.0)
    photo(tmp_path / "in/a.png", 40, 40)
    name = os.fsencode(tmp_path) + b"/in/caf\xe9\n.png"
    os.rename(tmp_path / "in/a.png", name)
    result = reconstruct(run, tmp_path / "in", "--out", tmp_path / "found")
    assert result.exit_code == 0, result.output
    (found,) = (tmp_path / "found").glob("*.json")
    assert os.fsencode(json.loads(found.read_bytes())["picture"]) == name
    assert "caf\\udce9\\n.png: " in result.output
