"""An evaluation bears the name of the data that it saw; a run's data may move, or be others."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.evaluation.choice import choose
from gnm_core.evaluation.context import EvaluationContext
from gnm_core.evaluation.evaluator import evaluate
from gnm_core.evaluation.metrics.detection import _by_threshold, _rank, match
from gnm_core.evaluation.other_data import OtherData
from gnm_core.evaluation.setup import Settings, begin, context_of
from gnm_core.runs.checkpoint import load_run
from gnm_core.spec import CheckedSpec
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from PIL import Image

SPEC: dict[str, Any] = {
    "dims": {"channels": 1, "size": 8, "grid": 2, "features": 4, "background": 3},
    "model": {"use": "vae", "hidden": [4, 4]},
    "train": {"steps": 2, "batch": 2, "picture_every": 0},
}
CHEAP = ["--metrics", "reconstruction", "-n", "8", "--no-report"]


def gnm(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="gnm")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and its pictures."""
    folder = tmp_path_factory.mktemp("moving")
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for i in range(12):
        Image.fromarray(random.integers(0, 255, (8, 8), np.uint8)).save(folder / f"pictures/{i}.png")
    spec = SPEC | {"data": {"use": "image-folder", "dir": str(folder / "pictures"), "test": 0.5, "validation": 0.0}}
    (folder / "spec.yaml").write_text(json.dumps(spec))
    done = gnm("train", "--spec", folder / "spec.yaml", "--out", folder / "run")
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy to work on; its run still names the pictures of the original."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def evaluation(run: Path) -> dict[str, Any]:
    return json.loads((run / "evaluation/evaluation.json").read_text())


def value(run: Path) -> float:
    return evaluation(run)["metrics"]["reconstruction"]["values"][0]["value"]


def test_data_that_moved_is_given_on_the_command_line(folder: Path) -> None:
    here = Path(shutil.move(folder / "pictures", folder / "elsewhere"))
    done = gnm("evaluate", folder / "run", "--set", f"data.dir={here}", *CHEAP)
    assert done.exit_code == 0, done.output
    assert evaluation(folder / "run")["data_options"]["dir"] == str(here)


def test_a_run_that_was_told_where_its_data_is_finds_it_there(folder: Path) -> None:
    here = Path(shutil.move(folder / "pictures", folder / "elsewhere"))
    done = gnm("train", "--resume", folder / "run", "--set", f"data.dir={here}")
    assert done.exit_code == 0, done.output
    assert load_run(folder / "run").spec.resolved()["data"]["dir"] == str(here)  # type: ignore[index]
    assert gnm("evaluate", folder / "run", *CHEAP).exit_code == 0
    assert evaluation(folder / "run")["data_options"]["dir"] == str(here)


def test_other_data_is_named_and_its_numbers_replace_none_in_silence(folder: Path) -> None:
    run = folder / "run"
    assert gnm("evaluate", run, *CHEAP).exit_code == 0
    assert evaluation(run)["data"] == "image-folder"
    own = value(run)
    for i in range(12):
        Image.new("L", (8, 8), 20 * i).save(folder / f"pictures/{i}.png")
    done = gnm("evaluate", run, "--set", f"data.dir={folder / 'pictures'}", *CHEAP)
    assert done.exit_code == 0, done.output
    assert value(run) != own  # not taken over from the evaluation of the other folder
    pytest.importorskip("gnm_data")
    before = evaluation(run)
    done = gnm("evaluate", run, "--set", "data=mnist-4", *CHEAP)
    assert done.exit_code == 0, done.output
    found = json.loads((run / "evaluation-mnist-4/evaluation.json").read_text())
    assert (found["data"], found["other"]) == ("mnist-4", "data=mnist-4")
    assert evaluation(run) == before
    assert "image-folder" not in done.output


def test_a_subject_of_other_data_gives_the_evaluation_its_name(folder: Path, tmp_path: Path) -> None:
    run = load_run(folder / "run")
    start, choices = begin(run, folder / "run", Settings()), choose(["reconstruction"])
    other = context_of(replace(run, spec=OtherData(overrides=("data=mnist-4",)).spec(run.spec)), Settings())
    assert evaluate(start, other, choices, tmp_path / "a").data == "mnist-4"
    nameless = EvaluationContext(run.model, other.data)
    assert evaluate(start, nameless, choices, tmp_path / "b").data == "Mnist4"


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a model fails."""

    def make(spec: CheckedSpec) -> None:
        raise AssertionError("the model was made first")

    monkeypatch.setattr(CheckedSpec, "model", make)


@pytest.mark.usefixtures("no_model")
def test_typing_errors_are_told_before_a_model_is_loaded(folder: Path) -> None:
    run = folder / "run"
    for command, message in (
        (["evaluate", run, "--metrics", "recon"], "there is no metric 'recon'"),
        (["evaluate", run, "--set", "metrics.ll.partcles=3"], "partcles"),
        (["figure", run, "--kind", "smaples"], "smaples"),
        (["figure", run, "--kind", "samples", "--set", "figure.colums=3"], "colums"),
        (["reconstruct", run, folder / "no.png", "--out", folder / "out"], "no.png: there is no such file"),
        (["sample", run, "--out", folder / "x.gif"], ".gif"),
    ):
        done = gnm(*command)
        assert done.exit_code == 2
        assert message in done.output


@pytest.mark.usefixtures("no_model")
def test_what_is_wrong_with_pictures_is_told_before_a_model_is_made(folder: Path) -> None:
    run, spec = folder / "run", folder / "spec.yaml"
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    gone = ("--set", f"data.dir={folder / 'gone'}")
    for command in (
        ["train", "--spec", spec, "--out", folder / "new", *gone],
        ["train", "--resume", run, *gone],
        ["evaluate", run, *gone],
        ["figure", run, "--split", "test", *gone],
        ["reconstruct", run, folder / "torn.png", "--out", folder / "out"],
        ["edit", run, folder / "torn.png"],
    ):
        done = gnm(*command)
        assert done.exit_code == 2, done.output
        assert "torn.png: not a picture" in done.output or f"{folder / 'gone'}: " in done.output


def test_every_command_that_opens_the_data_set_says_what_it_notes(folder: Path) -> None:
    (folder / "pictures" / "drawing.svg").write_text("<svg/>")
    run, here = folder / "run", ("--set", f"data.dir={folder / 'pictures'}")
    for command in (
        ["train", "--resume", run, "--set", "train.steps=3", *here],
        ["evaluate", run, *CHEAP, *here],
        ["figure", run, "--kind", "samples", *here],
    ):
        done = gnm(*command)
        assert done.exit_code == 0, done.output
        assert done.output.count(".svg") == 1, done.output


# AP


def ap(pictures: list[tuple[list[float], list[bool], int]]) -> tuple[list[float], list[float]]:
    """11-point and all-point AP of pictures of (confidences, whether each box is right, true boxes)."""
    found = []
    for confidences, right, truths in pictures:
        truth = np.array([[10.0 * i, 0, 10 * i + 8, 8] for i in range(truths)]).reshape(-1, 4)
        boxes = np.array([[10.0 * i, 0 if good else 50, 10 * i + 8, 8 if good else 58] for i, good in enumerate(right)])
        found.append(match(boxes.reshape(-1, 4), np.array(confidences), truth))
    return _by_threshold(_rank(found), np.ones(len(found), dtype=int))


def test_ties_are_one_step_of_the_curve() -> None:
    wrong, first, second = ([0.9], [False], 0), ([0.9], [True], 1), ([0.8], [True], 1)
    for order in ([wrong, first, second], [first, wrong, second], [second, first, wrong]):
        assert ap(order)[1][0] == pytest.approx(2 / 3)  # precision 1/2 at recall 1/2, then 2/3 at recall 1


confident = st.lists(st.tuples(st.sampled_from([0.5, 0.7, 0.9]), st.booleans()), max_size=3)


@bounds(max_examples=100, deadline=None)
@given(st.lists(confident, min_size=1, max_size=6), st.randoms())
def test_the_order_of_images_does_not_matter(drawn: list[list[tuple[float, bool]]], random: Any) -> None:
    pictures = [([c for c, _ in boxes], [r for _, r in boxes], max(len(boxes), 1)) for boxes in drawn]
    other = list(pictures)
    random.shuffle(other)
    for ours, theirs in zip(ap(pictures), ap(other), strict=True):
        assert ours == pytest.approx(theirs)


# Models without a sound number


@pytest.mark.parametrize("command", ["sample", "evaluate", "figure", "reconstruct"])
def test_weights_that_are_no_numbers_end_every_command_in_words(folder: Path, command: str) -> None:
    from safetensors.torch import load_file, save_file

    checkpoint = folder / "run/checkpoints/step-00000002"
    weights = {
        name: torch.full_like(tensor, float("nan"))
        for name, tensor in load_file(checkpoint / "model.safetensors").items()
    }
    save_file(weights, checkpoint / "model.safetensors")
    import hashlib

    content = (checkpoint / "model.safetensors").read_bytes()
    meta = json.loads((checkpoint / "meta.json").read_text())
    meta["files"]["model.safetensors"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (checkpoint / "meta.json").write_text(json.dumps(meta))
    picture = next((folder / "pictures").iterdir())
    more = {
        "sample": ["--out", folder / "s.png"],
        "evaluate": CHEAP,
        "figure": [],
        "reconstruct": [picture, "--out", folder / "out"],
    }
    done = gnm(command, folder / "run", *more[command])
    assert "Traceback" not in done.output
    assert "not finite" in done.output
    assert done.exit_code == 2 or command == "figure", done.output
