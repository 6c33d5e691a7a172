"""`gnm sample` writes what the model samples, or says clearly why not."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core import load_run
from gnm_core.cli import main
from gnm_render.figures.pixels import to_pixels
from PIL import Image


def sample(run: Path, *options: object) -> Result:
    return CliRunner().invoke(main, ["sample", str(run), *map(str, options)])


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def refused(result: Result, text: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert text in result.output


@pytest.mark.parametrize("masks", [False, True])
def test_the_grid_shows_the_samples_of_the_seed(make_run: Callable[..., Path], tmp_path: Path, masks: bool) -> None:
    run = make_run(masks=masks)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        result = sample(run, "-n", 5, "--out", tmp_path / f"{name}.png", "--seed", seed, "--singles", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert f"{name}.png" in result.output
    first, second, other = (pixels_of(tmp_path / f"{name}.png") for name in "abc")
    assert np.array_equal(first, second)
    assert first.shape == other.shape
    torch.manual_seed(3)
    expected = load_run(run).model.sample(5).image
    files = sorted((tmp_path / "a").iterdir())
    assert [file.name for file in files] == [f"sample-{i:04d}.png" for i in range(5)]
    for file, image in zip(files, expected, strict=True):
        assert np.array_equal(pixels_of(file), to_pixels(image))


def test_the_json_holds_every_scene(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run(masks=True, certainty=0.5)
    assert sample(run, "-n", 70, "--json", tmp_path / "s.json", "--seed", 2).exit_code == 0
    data = json.loads((tmp_path / "s.json").read_text())
    assert (data["step"], data["seed"], data["size"], len(data["scenes"])) == (0, 2, 32, 70)
    assert any(scene["objects"] for scene in data["scenes"])
    model = load_run(run).model
    for scene in data["scenes"][:3]:
        again = model.generate(1, torch.tensor(scene["code"])[None]).objects
        boxes = again.boxes[again.present]
        listed = torch.tensor([thing["box"] for thing in scene["objects"]]).reshape(-1, 4)
        torch.testing.assert_close(listed.sort(0).values, boxes.sort(0).values, atol=1e-2, rtol=0)
        assert [thing["confidence"] for thing in scene["objects"]] == sorted(
            (thing["confidence"] for thing in scene["objects"]), reverse=True
        )
        assert all(len(thing["what"]) == 4 for thing in scene["objects"])


def test_the_steps_grid_ends_with_the_same_samples(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    result = sample(run, "-n", 3, "--out", tmp_path / "steps.png", "--steps-grid", "--singles", tmp_path / "with")
    assert result.exit_code == 0, result.output
    assert sample(run, "-n", 3, "--singles", tmp_path / "without").exit_code == 0
    for file in sorted((tmp_path / "with").iterdir()):
        assert file.read_bytes() == (tmp_path / "without" / file.name).read_bytes()
    assert pixels_of(tmp_path / "steps.png").shape[1] > 3 * 128


def test_a_checkpoint_can_be_chosen(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    assert sample(run, "-n", 1, "--out", tmp_path / "grid.png", "--at", 0).exit_code == 0
    refused(sample(run, "-n", 1, "--out", tmp_path / "grid.png", "--at", 7), "no checkpoint of step 7")


def test_wrong_calls_are_refused(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    refused(sample(run), "say where the samples go")
    refused(sample(run, "--json", tmp_path / "x.json", "--steps-grid"), "--steps-grid goes with --out")
    refused(sample(run, "-n", 0, "--out", tmp_path / "x.png"), "not in the range")
    refused(sample(run, "--out", tmp_path / "x.gif"), "pictures are written as .png")
    refused(sample(tmp_path / "nowhere", "--out", tmp_path / "x.png"), "there is no such folder")
    refused(sample(tmp_path, "--out", tmp_path / "x.png"), "not a run")
    (tmp_path / "file").touch()
    refused(sample(run, "-n", 1, "--out", tmp_path / "file" / "x.png"), "cannot be written")
    assert not list(tmp_path.glob("x.*"))
