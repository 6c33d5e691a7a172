"""`gnm figure` draws what a model can show, the same for the same seed, and says what it cannot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core import load_run
from gnm_core.cli import main
from gnm_core.evaluation.figures import draw_figures, figure_kinds, read_figures
from gnm_render.figures.layers_figure import LayersFigure
from PIL import Image


def figure(run: Path, *options: object) -> Result:
    return CliRunner().invoke(main, ["figure", str(run), *map(str, options)])


def refused(result: Result, *texts: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    for text in texts:
        assert text in result.output


@pytest.fixture
def run(make_run: Callable[..., Path], tmp_path: Path) -> Path:
    """A run whose data set is a folder of pictures."""
    random = np.random.default_rng(0)
    for i in range(20):
        path = tmp_path / "pictures" / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32), dtype=np.uint8)).save(path)
    return make_run(
        certainty=3.0, data={"use": "image-folder", "dir": str(tmp_path / "pictures"), "test": 0.2, "validation": 0.2}
    )


def test_all_figures_are_drawn_into_the_run(run: Path) -> None:
    result = figure(run)
    assert result.exit_code == 0, result.output
    assert {path.stem for path in (run / "figures").iterdir()} == set(figure_kinds())


def test_the_same_seed_gives_the_same_picture(run: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        result = figure(run, "--kind", "resample", "--out", tmp_path / f"{name}.png", "--seed", seed)
        assert result.exit_code == 0, result.output
    first, second, other = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert first == second
    assert first != other


def test_options_and_the_number_of_scenes_are_heeded(run: Path, tmp_path: Path) -> None:
    def size(*options: object) -> tuple[int, int]:
        result = figure(run, "--out", tmp_path / "x.png", "--set", "figure.cell=32", *options)
        assert result.exit_code == 0, result.output
        with Image.open(tmp_path / "x.png") as picture:
            return picture.size

    few, many = size("--kind", "resample", "-n", 1), size("--kind", "resample", "-n", 3)
    assert many[1] - few[1] == 2 * (32 + 6)
    wide = size("--kind", "resample", "-n", 1, "--set", "figure.samples=6")
    assert wide[0] - few[0] == 2 * 2 * (32 + 6)
    assert size("--kind", "samples", "-n", 3)[0] == 2 * 16 + 3 * (32 + 6) - 6
    assert size("--kind", "reconstruction", "--split", "validation", "-n", 2)[1] < size("--kind", "reconstruction")[1]


def test_the_random_state_is_left_alone(run: Path) -> None:
    torch.manual_seed(9)
    before = torch.get_rng_state()
    loaded = load_run(run)
    drawn = draw_figures(loaded, run / "evaluation", seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not loaded.model.training
    assert [one.kind for one in drawn] == [kind for kind in figure_kinds() if kind != "training"]
    assert read_figures(run / "evaluation") == drawn
    for one in drawn:
        assert one.file is not None
        assert (run / "evaluation" / "figures" / one.file).exists()
        assert one.about


def test_without_its_data_a_model_still_dreams(run: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    result = figure(run)
    assert result.exit_code == 0, result.output
    assert "no pictures of the data set" in result.output
    assert "traversal: not drawn: this figure needs a picture" in result.output
    assert (run / "figures" / "samples.png").exists()
    assert (run / "figures" / "resample.png").exists()
    refused(figure(run, "--split", "test"), "pictures")
    found = figure(run, "--kind", "traversal", "--set", f"data.dir={tmp_path / 'elsewhere'}")
    assert found.exit_code == 0, found.output
    said: list[str] = []
    reasons = {one.kind: one.reason for one in draw_figures(load_run(run), tmp_path, say=said.append)}
    assert any("traversal: not drawn" in text for text in said)
    assert str(tmp_path / "pictures") in reasons["traversal"]
    assert reasons["samples"] == ""


def test_wrong_calls_are_refused(run: Path, tmp_path: Path) -> None:
    refused(figure(run, "--kind", "resampel"), "no figure named 'resampel'", "did you mean 'resample'", "traversal")
    refused(figure(run, "--kind", "resample", "--set", "figure.sampels=2"), "did you mean 'samples'")
    refused(figure(run, "--kind", "resample", "--set", "figure.samples=0"), "out of range")
    refused(figure(run, "--kind", "resample", "--set", "model.core=x"), "is no option of a figure")
    refused(figure(run, "--out", tmp_path / "x.png"), "go with one --kind")
    refused(figure(run, "--kind", "samples", "--out", tmp_path / "x.gif"), "pictures are written as .png")
    refused(figure(run, "--kind", "samples", "-n", 0), "not in the range")
    refused(figure(run, "--kind", "samples", "--at", 7), "no checkpoint of step 7")
    refused(figure(tmp_path / "nowhere"), "there is no such folder")


def test_one_figure_that_a_model_lacks_is_an_error(make_run: Callable[..., Path]) -> None:
    run = make_run(certainty=-9.0)
    refused(figure(run, "--kind", "traversal"), "needs a picture")


def test_a_figure_that_fails_costs_no_other(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of\n  nothing")

    monkeypatch.setattr(LayersFigure, "draw", fail)
    reasons = {one.kind: one.reason for one in draw_figures(load_run(run), tmp_path / "evaluation")}
    assert reasons.pop("layers") == "it fails: ZeroDivisionError: of nothing"
    assert set(reasons.values()) == {""}
