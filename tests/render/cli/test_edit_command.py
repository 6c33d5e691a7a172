"""`gnm edit` as people use it."""

import json
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

Make = Callable[..., Path]


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def test_edits_are_made_in_the_order_given(make_run: Make, picture: Path, tmp_path: Path) -> None:
    run = make_run(masks=True, certainty=3.0)
    model = load_run(run).model
    with torch.no_grad():
        scene = model.reconstruct(torch.from_numpy(read_picture(picture, model.dims).pixels)[None].float() / 255)
    edits = ("--move", "1,4,-2.5", "--remove=0", "--move", "0,1,1", "--resize", "1,1.5", "--to-front", 2)
    done = gnm("edit", run, picture, *edits, "--out", tmp_path / "a.png", "--json", tmp_path / "a.json")
    assert done.exit_code == 0, done.output
    expected = scene.move(1, 4, -2.5).remove(0).move(0, 1, 1).resize(1, 1.5).to_front(2)
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (192, 192)
        small = np.asarray(image)[3::6, 3::6]
    assert np.abs(small - expected.image[0].permute(1, 2, 0).numpy() * 255).max() <= 0.51
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["edits"] == [
        ["move", 1, 4, -2.5],
        ["remove", 0],
        ["move", 0, 1, 1],
        ["resize", 1, 1.5],
        ["to_front", 2],
    ]
    boxes = [one["box"] for one in data["objects"]]
    rows = expected.objects.order(0)
    assert np.allclose(boxes, expected.objects.boxes[0, rows].numpy(), atol=1e-3)


def test_without_edits_the_objects_are_listed_as_reconstruct_numbers_them(
    make_run: Make, picture: Path, tmp_path: Path
) -> None:
    run = make_run(certainty=3.0)
    done = gnm("edit", run, picture)
    assert done.exit_code == 0, done.output
    assert gnm("reconstruct", run, picture, "--out", tmp_path / "seen").exit_code == 0
    objects = json.loads((tmp_path / "seen/picture.json").read_text())["objects"]
    lines = done.output.splitlines()
    assert len(lines) == len(objects) > 1
    for number, (line, one) in enumerate(zip(lines, objects, strict=True)):
        assert line.startswith(f"object {number}: x {one['box'][0]:.0f} to")


def test_the_rest_is_dreamt_anew_around_what_is_kept(make_run: Make, picture: Path, tmp_path: Path) -> None:
    run = make_run(certainty=3.0)
    outs = []
    for seed in (0, 0, 1):
        done = gnm("edit", run, picture, "--keep", "0", "--seed", seed, "--json", tmp_path / "k.json")
        assert done.exit_code == 0, done.output
        assert "effective sample size" in done.output
        outs.append(json.loads((tmp_path / "k.json").read_text())["objects"])
    assert outs[0] == outs[1]
    first = gnm("edit", run, picture, "--json", tmp_path / "all.json")
    assert first.exit_code == 0
    kept = json.loads((tmp_path / "all.json").read_text())["objects"][0]["box"]
    assert all(kept in [one["box"] for one in out] for out in outs)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--move", "9,1,1", "--out", "a.png"), "there is no object 9"),
        (("--move", "1,2", "--out", "a.png"), "'1,2' is not of the form N,DX,DY"),
        (("--move", "x,1,1", "--out", "a.png"), "is not of the form N,DX,DY"),
        (("--move", "0,nan,1", "--out", "a.png"), "dx must be a number"),
        (("--resize", "0,1e308", "--out", "a.png"), "width must be a positive factor"),
        (("--remove", "0"), "say where the edited picture goes"),
        (("--keep", "a", "--out", "a.png"), "is no list of numbers"),
        (("--to-front", "0", "--out", "a.png"), "no masks"),
        (("--remove", "0", "--out", "a.gif"), "pictures are written as .png"),
    ],
)
def test_mistakes_are_told(make_run: Make, picture: Path, options: tuple[str, ...], says: str) -> None:
    done = gnm("edit", make_run(certainty=3.0), picture, *options)
    assert done.exit_code == 2, done.output
    assert says in done.output
    assert "Traceback" not in done.output


def test_one_picture_is_wanted(make_run: Make, picture: Path) -> None:
    run = make_run(certainty=3.0)
    assert "name one picture" in gnm("edit", run).output
    assert "name one picture" in gnm("edit", run, picture, picture).output
