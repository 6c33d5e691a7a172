"""A run is measured on other data: labelled as such everywhere, and never instead of its own."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from PIL import Image

SPEC = """
dims: {{channels: 1, size: 16, grid: 2, features: 4, scene: 4, what: 4, background: 2}}
model: {{use: gnm, core: {{use: structdraw, steps: 2, decoder: [8]}}}}
data: {data}
train: {{steps: 1, batch: 2, picture_every: 0}}
"""
WITH_TRUTH = ["--metrics", "ap,counting,what-classification,segmentation", "--no-report"]


def gnm(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="gnm")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def painted(folder: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """Pictures of one bright square each; where each is."""
    folder.mkdir(parents=True)
    random, known = np.random.default_rng(seed), []
    for i in range(count):
        pixels = np.zeros((16, 16), np.uint8)
        x, y = (int(v) for v in random.integers(0, 11, 2))
        pixels[y : y + 5, x : x + 5] = 255
        Image.fromarray(pixels).save(folder / f"{i}.png")
        known.append({"file": f"{i}.png", "label": "ab"[i % 2], "x": x, "y": y})
    return known


def as_csv(file: Path, known: list[dict[str, Any]]) -> Path:
    lines = [f"{one['file']},{one['label']},{one['x']},{one['y']},5,5" for one in known]
    file.write_text("\n".join(["file,label,x,y,width,height", *lines]))
    return file


def as_yolo(folder: Path, known: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    for one in known:
        x0, y0, x1, y1 = (v / 16 for v in (one["x"], one["y"], one["x"] + 5, one["y"] + 5))
        file = (folder / one["file"]).with_suffix(".txt")
        file.write_text(f"{'ab'.index(one['label'])} {x0} {y0} {x1} {y0} {x1} {y1} {x0} {y1}\n")
    return folder


def as_coco(file: Path, known: list[dict[str, Any]]) -> Path:
    corners = [[one["x"], one["y"], one["x"] + 5, one["y"] + 5] for one in known]
    document = {
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "images": [{"id": i, "file_name": one["file"], "width": 16, "height": 16} for i, one in enumerate(known)],
        "annotations": [
            {
                **{"id": i, "image_id": i, "category_id": 1 + "ab".index(one["label"])},
                **{"bbox": [one["x"], one["y"], 5, 5], "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]]},
            }
            for i, (one, (x0, y0, x1, y1)) in enumerate(zip(known, corners, strict=True))
        ],
    }
    file.write_text(json.dumps(document))
    return file


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, its own pictures, and others."""
    folder = tmp_path_factory.mktemp("other")
    painted(folder / "own", 20, 0)
    known = painted(folder / "others", 24, 1)
    as_csv(folder / "boxes.csv", known)
    as_coco(folder / "boxes.json", known)
    as_yolo(folder / "labels", known)
    data = f"{{use: image-folder, dir: {folder / 'own'}, test: 0.5, validation: 0.0, fit: pad}}"
    (folder / "spec.yaml").write_text(SPEC.format(data=data))
    done = gnm("train", "--spec", folder / "spec.yaml", "--out", folder / "run")
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "run", tmp_path / "run"))


def found(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "evaluation.json").read_text()))


def test_a_folder_of_pictures_is_measured_whole_and_labelled_everywhere(run: Path, trained: Path) -> None:
    own = ["evaluate", run, "--metrics", "reconstruction"]
    assert gnm(*own, "--no-report").exit_code == 0
    before = (run / "evaluation/evaluation.json").read_bytes()
    done = gnm(*own, "--data", trained / "others")
    assert done.exit_code == 0, done.output
    assert (run / "evaluation/evaluation.json").read_bytes() == before
    there = run / "evaluation-others"
    other = found(there)
    assert other["other"] == str(trained / "others")
    assert other["data_options"]["fit"] == "pad"  # as the run's own pictures
    assert other["metrics"]["reconstruction"]["values"][0]["count"] == 24
    label = f"other data than it learnt from: {trained / 'others'}"
    assert "".join(label.split()) in "".join(done.stdout.split())  # a path is cut at the end of a line
    with (there / "evaluation.csv").open() as file:
        assert {row["other"] for row in csv.DictReader(file)} == {str(trained / "others")}
    assert (there / "report.html").read_text().count(label) >= 2
    diagnosis = f"diagnosis: on {trained / 'others'}, which it did not learn from: too few steps yet: 1 of 1 steps"
    assert diagnosis in done.stdout
    assert "Go on with gnm train" not in done.stdout
    compared = gnm("compare", run, there)
    assert compared.exit_code == 0
    assert label in compared.stderr
    assert " ".join(compared.stdout.split()).count("other data than it learnt from:") == 1


@pytest.mark.parametrize("annotations", ["boxes.json", "boxes.csv", "labels"])
def test_every_metric_that_needs_truth_works_with_every_format(annotations: str, run: Path, trained: Path) -> None:
    done = gnm(
        "evaluate", run, "--data", trained / "others", "--annotations", trained / annotations, *WITH_TRUTH,
        "--out", run / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    metrics = found(run / "out")["metrics"]
    assert metrics["ap"]["values"][0]["count"] == 24
    assert metrics["counting"]["values"][0]["count"] == 24
    assert (metrics["segmentation"]["values"] != []) == (annotations != "boxes.csv")  # boxes have no masks
    assert metrics["what-classification"]["values"] or "found" in metrics["what-classification"]["skipped"]


def test_the_formats_give_the_same_numbers(run: Path, trained: Path) -> None:
    values = []
    for annotations in ("boxes.json", "boxes.csv", "labels"):
        out = run / annotations
        more = ["--annotations", trained / annotations, "--metrics", "ap,counting", "--no-report", "--out", out]
        assert gnm("evaluate", run, "--data", trained / "others", *more).exit_code == 0
        values.append([m["values"] for m in found(out)["metrics"].values()])
    assert values[0] == values[1] == values[2]


def test_the_data_of_a_spec_and_a_subfolder_for_tests(run: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "others", tmp_path / "split/train")
    shutil.copytree(trained / "own", tmp_path / "split/test")
    cheap = ["--metrics", "reconstruction", "--no-report"]
    assert gnm("evaluate", run, "--data", tmp_path / "split", *cheap).exit_code == 0
    assert found(run / "evaluation-split")["metrics"]["reconstruction"]["values"][0]["count"] == 20
    (tmp_path / "shifted.yaml").write_text("data: {use: image-folder, dir: split/train, test: 0.5, validation: 0}")
    assert gnm("evaluate", run, "--data", tmp_path / "shifted.yaml", *cheap).exit_code == 0
    assert found(run / "evaluation-shifted")["data_options"]["dir"] == str(tmp_path / "split/train")
    (tmp_path / "whole.yaml").write_text((trained / "spec.yaml").read_text())
    assert gnm("evaluate", run, "--data", tmp_path / "whole.yaml", *cheap).exit_code == 0
    assert (found(run / "evaluation-whole")["data"], found(run / "evaluation-whole")["other"][-10:]) == (
        "image-folder",
        "whole.yaml",
    )


def test_other_data_of_the_same_name_gets_a_folder_of_its_own(run: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "own", tmp_path / "others")
    cheap = ["--metrics", "reconstruction", "--no-report"]
    for source in (trained / "others", tmp_path / "others", trained / "others", tmp_path / "others"):
        assert gnm("evaluate", run, "--data", source, *cheap).exit_code == 0
    assert found(run / "evaluation-others")["other"] == str(trained / "others")
    assert found(run / "evaluation-others-2")["other"] == str(tmp_path / "others")
    assert not (run / "evaluation-others-3").exists()


def test_the_same_data_elsewhere_is_still_the_runs_own(run: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "own", tmp_path / "moved")
    done = gnm("evaluate", run, "--set", f"data.dir={tmp_path / 'moved'}", "--metrics", "reconstruction", "--no-report")
    assert done.exit_code == 0
    assert (found(run / "evaluation")["other"], "learnt from" in done.output) == ("", False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "missing"], "no such file, nor does an installed package ship a spec of this name"),
        (["--data", "EMPTY"], "no pictures in this folder"),
        (["--data", "EMPTY", "--annotations", "x.json"], "no pictures in this folder"),
        (["--annotations", "x.json"], "--annotations goes with --data DIR"),
        (["--data", "SPEC", "--annotations", "x.json"], "--annotations goes with --data DIR"),
        (["--data", "OTHERS", "--annotations", "x.json"], "x.json: there is no such file"),
        (["--data", "NODATA"], "is missing"),
        (["--data", "OTHERS", "--split", "train"], "none of its 24 pictures falls into the train split"),
        (["--data", "OTHERS", "--set", "data.fit=squash"], "data.fit"),
    ],
)
def test_data_that_cannot_be_measured_on_ends_with_2(
    arguments: list[str], words: str, run: Path, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.yaml").write_text("dims: {size: 16}\nmodel: gnm\n")
    places = {
        "EMPTY": tmp_path / "empty",
        "OTHERS": trained / "others",
        "SPEC": trained / "spec.yaml",
        "NODATA": tmp_path / "none.yaml",
    }
    done = gnm("evaluate", run, "--no-report", "--metrics", "ap", *(places.get(text, text) for text in arguments))
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output
