"""`gnm train` as people use it: exit codes, messages, signals."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.runs.checkpoint import Checkpoints
from gnm_core.training.clock import Clock
from gnm_core.training.folder import RunFolder
from gnm_core.training.levels import CHUNK
from PIL import Image
from ruamel.yaml import YAML

Toy = Callable[..., dict[str, Any]]


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def file(folder: Path, spec: dict[str, Any]) -> Path:
    path = folder / "spec.yaml"
    YAML().dump(spec, path)
    return path


def began(spec: Path, run: Path, step: int, *more: str) -> "subprocess.Popen[str]":
    """A training in a process of its own, after its first checkpoints."""
    command = [sys.executable, "-c", "from gnm_core.cli import main; main()", "train", "--spec", spec, "--out", run]
    process = subprocess.Popen([*command, "--threads=1", *more], stdout=-1, stderr=-1, text=True)
    while not Checkpoints(run).steps()[-1:] >= [step]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def weights(run: Path, step: int) -> bytes:
    return (run / f"checkpoints/step-{step:08d}/model.safetensors").read_bytes()


@pytest.mark.usefixtures("toy_figure")
def test_it_trains_and_says_where_things_are(tmp_path: Path, toy: Toy) -> None:
    done = gnm("train", "--spec", file(tmp_path, toy(picture_every=6)), "--out", tmp_path / "run", "--threads", 1)
    assert done.exit_code == 0, done.output
    assert re.search(r"step 5/12  [\d.]+ steps/s  \d+% waiting for images  0:00:\d\d left  elbo -\d", done.output)
    assert re.search(r"step 5/12  .*objects 2", done.output)
    assert f"12 of 12 steps made; checkpoint: {tmp_path}/run/checkpoints/step-00000012" in done.output
    assert f"picture: {tmp_path}/run/pictures/step-00000012.png" in done.output
    with Image.open(tmp_path / "run/pictures/step-00000006.png") as picture:
        assert picture.width == 8 * 8
        assert picture.height > 16  # below it stands that 6 steps are too few


def test_it_stops_early_when_asked_and_goes_on(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy())
    assert gnm("train", "--spec", spec, "--out", tmp_path / "a").exit_code == 0
    done = gnm("train", "--spec", spec, "--out", tmp_path / "b", "--steps", 7)
    assert "7 of 12 steps made" in done.output
    assert f"gnm train --resume {tmp_path}/b" in done.output
    done = gnm("train", "--resume", tmp_path / "b", "--seconds", 0)
    assert (done.exit_code, "7 of 12 steps made" in done.output) == (0, True)
    done = gnm("train", "--resume", tmp_path / "b")
    assert "12 of 12 steps made" in done.output
    assert weights(tmp_path / "a", 12) == weights(tmp_path / "b", 12)


@pytest.mark.usefixtures("toy_figure")
def test_pictures_and_records_do_not_disturb_the_training(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy())
    gnm("train", "--spec", spec, "--out", tmp_path / "a")
    gnm(
        "train", "--spec", spec, "--out", tmp_path / "b", "--set", "train.picture_every=1", "--set", "train.log_every=1"
    )
    assert weights(tmp_path / "a", 12) == weights(tmp_path / "b", 12)


def test_settings_are_those_of_the_last_time(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy())
    gnm("train", "--spec", spec, "--out", tmp_path / "run", "--steps", 4, "--precision", "bf16", "--threads", 1)
    done = gnm("train", "--resume", tmp_path / "run", "--steps", 8)
    assert "warning" not in done.output
    meta = json.loads((tmp_path / "run/checkpoints/step-00000008/meta.json").read_text())
    assert (meta["precision"], meta["threads"]) == ("bf16", 1)
    done = gnm("train", "--resume", tmp_path / "run", "--precision", "float32")
    assert "warning: precision bf16 -> float32: the weights will not be the same to the last bit" in done.output


def test_time_counts_on_and_other_data_is_noticed(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy({"pause": 0.05}))
    gnm("train", "--spec", spec, "--out", tmp_path / "run", "--steps", 10)
    done = gnm("train", "--resume", tmp_path / "run", "--set", "data.length=38")
    assert "warning: images 37 -> 38: the weights will not be the same to the last bit" in done.output
    records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [5, 10, 12]
    assert records[2]["seconds"] > records[1]["seconds"] > records[0]["seconds"] > 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --spec and --out to begin a run, or --resume to go on with one"),
        (["--spec", "SPEC"], "give --spec and --out"),
        (["--resume", "run", "--spec", "SPEC"], "leave out --spec and --out"),
        (["--spec", "SPEC", "--out", "run", "--at", "3"], "--at goes with --resume"),
        (["--resume", "missing"], "missing: there is no such folder"),
        (["--resume", "."], "not a run"),
        (["--spec", "SPEC", "--out", "."], r"is not empty \(spec\.yaml\)|already holds a run"),
        (["--spec", "SPEC", "--out", "run", "--device", "cuda:99"], r"cannot use 'cuda:99'|there is no cuda:99"),
        (["--spec", "SPEC", "--out", "run", "--device", "toaster"], "there is no device 'toaster'; expected cpu, cuda"),
        (["--spec", "SPEC", "--out", "run", "--device", "meta"], "cannot train on 'meta'"),
        (["--spec", "SPEC", "--out", "run", "--set", "data.length=0"], "no images in its train split"),
        (["--spec", "SPEC", "--out", "run", "--set", "train.freeze=[encodr]"], "did you mean 'encoder'"),
        (["--spec", "SPEC", "--out", "run", "--set", "data=null"], "data: is missing"),
        (["--spec", "SPEC", "--out", "run", "--set", "train.on_nonfinite=panic"], "'rollback', 'stop'"),
        (["--spec", "SPEC", "--out", "run", "--set", "train.stages=[{steps: 0}]"], r"train\.stages"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = file(tmp_path, toy())
    done = gnm("train", *(str(spec) if argument == "SPEC" else argument for argument in arguments))
    assert done.exit_code == 2
    assert re.search(message, done.output), done.output
    assert "Traceback" not in done.output


def test_a_folder_that_failed_to_start_can_be_used_again(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy())
    assert gnm("train", "--spec", spec, "--out", tmp_path / "run", "--set", "data.length=0").exit_code == 2
    assert gnm("train", "--spec", spec, "--out", tmp_path / "run").exit_code == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_said(tmp_path: Path, toy: Toy) -> None:
    done = gnm("train", "--spec", file(tmp_path, toy()), "--out", tmp_path / "run", "--device", "cuda")
    assert done.exit_code == 2
    assert re.search(r"cannot use 'cuda': .*; try --device cpu", done.output)
    assert not (tmp_path / "run").exists()


def test_an_existing_run_is_never_overwritten(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy())
    gnm("train", "--spec", spec, "--out", tmp_path / "run")
    before = weights(tmp_path / "run", 12)
    done = gnm("train", "--spec", spec, "--out", tmp_path / "run", "--set", "train.seed=1")
    assert done.exit_code == 2
    assert f"already holds a run; go on with it by --resume {tmp_path}/run" in done.output
    assert weights(tmp_path / "run", 12) == before


def test_two_trainings_cannot_share_a_folder(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy())
    gnm("train", "--spec", spec, "--out", tmp_path / "run", "--steps", 4)
    other = RunFolder(tmp_path / "run")
    other.lock()
    done = gnm("train", "--resume", tmp_path / "run")
    assert done.exit_code == 2
    assert "another training is at work in this folder" in done.output
    other.release()
    assert gnm("train", "--resume", tmp_path / "run").exit_code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_ends_cleanly(tmp_path: Path, toy: Toy, number: int, code: int) -> None:
    spec = file(tmp_path, toy({"pause": 0.05}, steps=1000, checkpoint_every=4))
    process = began(spec, tmp_path / "run", 4)
    process.send_signal(number)
    output, errors = process.communicate(timeout=1200)
    assert process.returncode == code, errors
    assert "finishing this step and saving" in errors
    made = int(re.search(r"(\d+) of 1000 steps made", output)[1])  # type: ignore[index]
    assert Checkpoints(tmp_path / "run").steps()[-1] == made < 1000
    assert f"go on with: gnm train --resume {tmp_path}/run" in output

    until = made + 3
    assert gnm("train", "--resume", tmp_path / "run", "--steps", until).exit_code == 0
    assert gnm("train", "--spec", spec, "--out", tmp_path / "straight", "--steps", until, "--threads", 1).exit_code == 0
    assert weights(tmp_path / "run", until) == weights(tmp_path / "straight", until)


def test_a_signal_ends_the_making_of_a_stages_inputs(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    from toy_training import ToyModel

    plan = [{"steps": 5}, {"steps": 7, "level": "code", "freeze": ["encoder"]}]
    spec, run, chunks = file(tmp_path, toy(data={"length": 1000}, stages=plan)), tmp_path / "run", []

    def interrupted(model: ToyModel, level: str, image: torch.Tensor) -> torch.Tensor | None:
        if len(image) == CHUNK:
            chunks.append(level)
            signal.raise_signal(signal.SIGTERM)
        return made(model, level, image)

    made = ToyModel.level_inputs
    with monkeypatch.context() as patch:
        patch.setattr(ToyModel, "level_inputs", interrupted)
        done = gnm("train", "--spec", spec, "--out", run, "--threads", 1)
    assert (done.exit_code, chunks) == (143, ["code"]), done.output
    assert "5 of 12 steps made" in done.output
    assert gnm("train", "--resume", run).exit_code == 0
    assert gnm("train", "--spec", spec, "--out", tmp_path / "straight", "--threads", 1).exit_code == 0
    assert weights(run, 12) == weights(tmp_path / "straight", 12)


def test_a_second_signal_ends_at_once_and_harms_nothing(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv("TOY_MARK", str(mark))
    spec = file(tmp_path, toy({"pause": 5.0}, steps=1000, checkpoint_every=1))
    process = began(spec, tmp_path / "run", 1)
    while mark.read_text() != "1":  # in the middle of the second step
        time.sleep(0.02)
    steps = Checkpoints(tmp_path / "run").steps()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    heard = ""
    while "once more to abort" not in heard:
        heard += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=1200)
    assert process.returncode == 130
    assert f"aborted; the checkpoints are intact; go on with: gnm train --resume {tmp_path}/run" in errors
    assert Checkpoints(tmp_path / "run").steps() == steps
    assert "Traceback" not in errors


def test_a_broken_image_saves_the_training(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy(data={"broken": 3}))
    done = gnm("train", "--spec", spec, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "toy image 3 is broken" in done.output
    step = Checkpoints(tmp_path / "run").steps()[-1]
    assert step < 5
    done = gnm("train", "--resume", tmp_path / "run", "--set", "data.broken=-1")
    assert "12 of 12 steps made" in done.output
    gnm("train", "--spec", spec, "--out", tmp_path / "straight", "--set", "data.broken=-1")
    assert weights(tmp_path / "run", 12) == weights(tmp_path / "straight", 12)


def test_trouble_is_shown_and_kept_and_the_third_in_a_row_ends(tmp_path: Path, toy: Toy) -> None:
    spec = file(tmp_path, toy({"nan_at": [2, 5, 6, 7]}))
    done = gnm("train", "--spec", spec, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "warning: step 2: not finite: log_likelihood; rolled back" in done.output
    assert "step 7: not finite: log_likelihood; the 3 steps" in done.output
    assert Checkpoints(tmp_path / "run").steps() == [4]
    records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if "warning" in record] == [3, 6, 7]


@pytest.mark.usefixtures("toy_figure")
def test_a_failing_figure_costs_no_training(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    from toy_training import ToyFigure

    monkeypatch.setattr(ToyFigure, "draw", lambda *_: 1 / 0)
    spec = file(tmp_path, toy(picture_every=6))
    done = gnm("train", "--spec", spec, "--out", tmp_path / "run")
    assert done.exit_code == 0
    assert "warning: no picture of step 6: ZeroDivisionError" in done.output


def test_without_a_figure_it_says_so_once(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnm_core.plugins import installed

    monkeypatch.delitem(installed().parts, ("figure", "training"), raising=False)
    spec = file(tmp_path, toy(picture_every=3))
    done = gnm("train", "--spec", spec, "--out", tmp_path / "run")
    assert done.exit_code == 0
    assert done.output.count("no pictures: no plugin provides the figure 'training'") == 1


@pytest.mark.usefixtures("toy_figure")
def test_tensorboard_gets_the_same_numbers(tmp_path: Path, toy: Toy) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    spec = file(tmp_path, toy(picture_every=6))
    done = gnm("train", "--spec", spec, "--out", tmp_path / "run", "--tensorboard")
    assert done.exit_code == 0, done.output
    written = events.EventAccumulator(str(tmp_path / "run/tensorboard"))
    written.Reload()
    record = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert written.Scalars("elbo")[-1].value == pytest.approx(record["elbo"])
    assert [event.step for event in written.Scalars("elbo")] == [5, 10, 12]
    assert [event.step for event in written.Images("picture")] == [6, 12]


def test_the_live_display_shows_every_number(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "FORCE_COLOR", "1")
    monkeypatch.setitem(os.environ, "COLUMNS", "120")
    done = gnm("train", "--spec", file(tmp_path, toy({"nan_at": [2]})), "--out", tmp_path / "run")
    assert done.exit_code == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.output)
    assert "12/12" in plain
    assert "steps/s" in plain
    assert re.search(r"elbo +-\d.*log_likelihood +-\d.*objects +2", plain)
    assert "warning: step 2" in plain


def test_a_budget_of_processor_time_is_that_of_all_the_runs_trainings(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()  # a clock that goes on by a hundredth of a second whenever somebody looks at it
    monkeypatch.setattr("gnm_core.training.clock.time.process_time", lambda: next(looks) / 100)
    spec, run = file(tmp_path, toy(steps=100_000, log_every=1)), tmp_path / "run"
    spent = []
    for minutes in (0.005, 0.01):
        begin = ("--resume", run) if spent else ("--spec", spec, "--out", run)
        done = gnm("train", *begin, "--core-minutes", minutes)
        assert done.exit_code == 0, done.output
        step = Checkpoints(run).newest()
        meta = json.loads((Checkpoints(run).path(step) / "meta.json").read_text())
        spent.append(meta["core_seconds"])
        assert spent[-1] == pytest.approx(60 * minutes, abs=0.05)


def test_processor_time_is_what_the_process_computes_and_not_what_it_waits() -> None:
    clock, before = Clock(seconds=3, core_seconds=2), time.process_time()
    time.sleep(0.2)
    assert clock.seconds >= 3.2
    assert clock.core_seconds - 2 < 0.1
    while time.process_time() < before + 0.3:
        pass
    assert clock.core_seconds - 2 > 0.2
