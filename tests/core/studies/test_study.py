"""Studies from end to end: what is trained, what a failure costs, what a stop costs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result
from filelock import FileLock
from gnm_core import load_run
from gnm_core.plugin_files import load_plugin_file
from gnm_core.plugins import installed
from gnm_core.studies.cluster import Work
from gnm_core.studies.folder import begin_study, open_study
from gnm_core.studies.processes import Processes

Study = Callable[..., Path]
Gnm = Callable[..., Result]
NOISE = {"noise": {"loud": {"model.noise": True}, "still": {"model.noise": False}}}


def weights(run: Path, step: int | None = None) -> dict[str, torch.Tensor]:
    return load_run(run, step).model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.usefixtures("in_this_process")
def test_every_variant_is_trained_with_every_seed_measured_and_compared(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = gnm("study", study(grid=NOISE, seeds=[0, 1]), "--out", out)
    assert done.exit_code == 0, done.output
    assert "4 of 4 runs done" in done.output
    names = sorted(path.name for path in (out / "runs").iterdir())
    assert names == ["loud-seed-0", "loud-seed-1", "still-seed-0", "still-seed-1"]
    assert not same(weights(out / "runs/loud-seed-0"), weights(out / "runs/loud-seed-1"))
    page = (out / "leaderboard.html").read_text()
    assert "loud" in page
    assert "steps, mean over seeds" in page
    assert "minutes of one core, mean over seeds" in page
    assert "| still | 2 | 6 |" in (out / "leaderboard.md").read_text()
    again = gnm("study", out)
    assert again.exit_code == 0
    assert "begins" not in again.output
    assert "goes on" not in again.output


@pytest.mark.usefixtures("in_this_process")
def test_a_study_does_what_single_trainings_do(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert gnm("study", study(grid=NOISE), "--out", out).exit_code == 0
    by_hand = tmp_path / "by-hand"
    spec = out / "runs/still-seed-0/spec.yaml"
    assert gnm("train", "--spec", spec, "--out", by_hand, "--threads", 1).exit_code == 0
    assert same(weights(out / "runs/still-seed-0"), weights(by_hand))


def test_a_failing_run_ends_neither_the_others_nor_the_study(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    bad = {"model.nan_at": [0], "train.on_nonfinite": "stop"}
    file = study(variants={"bad": bad, "good": {}})
    done = gnm("study", file, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "not finite: log_likelihood" in done.output
    assert "good-seed-0: done" in done.output
    found = json.loads(gnm("study", file, "--out", tmp_path / "out", "--status", "--json").output)
    assert [(one["name"], one["state"]) for one in found] == [("bad-seed-0", "failed"), ("good-seed-0", "done")]
    assert "not finite" in found[0]["reason"]
    assert "bad-seed-0" in (tmp_path / "out/leaderboard.html").read_text()


@pytest.mark.usefixtures("in_this_process")
def test_runs_begin_with_what_was_trained_once_for_their_seed(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = {"budget": {"steps": 3}, "only": ["encoder"], "set": {"train.log_every": 1}}
    variants = {"slow": {"train.optimizer.lr": 1e-5}, "fast": {"train.optimizer.lr": 1e-3}}
    spec = {"train.optimizer": {"use": "adam"}, "train.keep": 9}
    done = gnm("study", study(variants=variants, first=first, seeds=[0, 1], set=spec), "--out", out)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (out / "runs").glob("first-*")) == ["first-seed-0", "first-seed-1"]
    for name in ("slow", "fast"):
        origin = json.loads((out / f"runs/{name}-seed-1/origin.json").read_text())
        assert Path(origin["from"]) == out / "runs/first-seed-1"
        assert (origin["step"], origin["only"]) == (3, ["encoder"])
    begun, theirs = weights(out / "runs/slow-seed-0", 0), weights(out / "runs/first-seed-0")
    assert all(torch.equal(begun[name], theirs[name]) for name in theirs if name.startswith("encoder."))
    assert not torch.equal(begun["decoder.weight"], theirs["decoder.weight"])


@pytest.mark.usefixtures("in_this_process")
def test_what_begins_with_a_failed_run_is_told_and_not_begun(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    first = {"budget": {"steps": 3}, "per": ["noise"], "set": {"train.on_nonfinite": "stop"}}
    grid = {"noise": {"good": {}, "bad": {"model.nan_at": [1]}}, "train.batch": [4, 8]}
    done = gnm("study", study(grid=grid, first=first), "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "bad-batch-4-seed-0: not begun: first-bad-seed-0, which it begins with, failed" in done.output
    assert "good-batch-8-seed-0: done" in done.output


def test_a_study_that_is_killed_goes_on_to_the_same_weights(
    study: Study, gnm: Gnm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = study(variants={"one": {}})
    monkeypatch.setenv("TOY_KILL_AT", "3")
    killed = gnm("study", file, "--out", tmp_path / "cut")
    assert killed.exit_code == 1
    assert "killed by SIGKILL" in killed.output
    monkeypatch.delenv("TOY_KILL_AT")
    done = gnm("study", tmp_path / "cut")
    assert done.exit_code == 0, done.output
    assert "one-seed-0: goes on" in done.output
    run = tmp_path / "cut/runs/one-seed-0"
    assert gnm("train", "--spec", run / "spec.yaml", "--out", tmp_path / "whole", "--threads", 1).exit_code == 0
    assert same(weights(tmp_path / "whole"), weights(run))


def test_a_signal_stops_a_study_saved_and_meanwhile_others_can_look(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    file, out = study(variants={"one": {"model.pause": 0.2, "train.steps": 200}, "two": {}}), tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "gnm_core", "study", file, "--out", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not (out / "runs/one-seed-0/metrics.jsonl").exists():
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    while not (out / "runs/one-seed-0/metrics.jsonl").read_text():
        time.sleep(0.05)
    found = json.loads(gnm("study", out, "--status", "--json").output)
    assert [one["state"] for one in found] == ["running", "waiting"]
    listed = json.loads(gnm("runs", out, "--json").output)
    assert [one["state"] for one in listed] == ["running"]
    second = gnm("study", out)
    assert second.exit_code == 2
    assert "being done already" in second.output
    process.send_signal(signal.SIGTERM)
    said = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, said
    assert json.loads(gnm("study", out, "--status", "--json").output)[0]["state"] == "stopped"


@pytest.mark.usefixtures("in_this_process")
def test_the_next_budget_trains_on_and_measures_anew(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert gnm("study", study(variants={"one": {}}, budget={"steps": 2}), "--out", out).exit_code == 0
    assert load_run(out / "runs/one-seed-0").step == 2
    done = gnm("study", study(variants={"one": {}}, budget={"steps": 4}), "--out", out)
    assert done.exit_code == 0, done.output
    assert load_run(out / "runs/one-seed-0").step == 4
    assert json.loads((out / "runs/one-seed-0/evaluation/evaluation.json").read_text())["step"] == 4


@pytest.mark.usefixtures("in_this_process")
def test_a_run_of_another_spec_than_the_studys_is_refused(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert gnm("study", study(variants={"one": {}}), "--out", out).exit_code == 0
    done = gnm("study", study(variants={"one": {"train.batch": 4}}), "--out", out)
    assert done.exit_code == 1
    assert "begun by another spec" in done.output
    assert "train.batch: 8 -> 4" in done.output


@pytest.mark.usefixtures("in_this_process")
def test_one_run_can_be_done_here_and_now(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert gnm("study", study(variants={"one": {}, "two": {}}), "--out", out).exit_code == 0
    assert gnm("study", out, "--run", "one-seed-0").exit_code == 0
    wrong = gnm("study", out, "--run", "one-seed-7")
    assert wrong.exit_code == 2
    assert "did you mean 'one-seed-0'?" in wrong.output


def test_jobs_of_a_cluster_do_the_same(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    first, bad = {"budget": {"steps": 2}}, {"model.nan_at": [1], "train.on_nonfinite": "stop"}
    file, out = study(variants={"one": {}, "bad": bad}, first=first), tmp_path / "jobs"
    done = gnm("study", file, "--out", out, "--cluster", "local", "--cluster-option", "timeout_min=10")
    assert done.exit_code == 1
    assert "one-seed-0: done" in done.output
    assert "bad-seed-0: failed: step 1: not finite" in done.output
    begin = ("--spec", out / "runs/one-seed-0/spec.yaml", "--from", out / "runs/first-seed-0", "--threads", 1)
    assert gnm("train", *begin, "--out", tmp_path / "here").exit_code == 0
    assert same(weights(out / "runs/one-seed-0"), weights(tmp_path / "here"))


PART = """
import gnm_core

@gnm_core.part("schedule", "half")
class Half(gnm_core.Schedule):
    def __call__(self, step: int) -> float:
        return 0.5e-3
"""


def test_the_runs_of_a_study_get_the_files_that_it_was_begun_with(
    study: Study, gnm: Gnm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, out = tmp_path / "half.py", tmp_path / "out"
    part.write_text(PART)
    load_plugin_file(part)
    begun = begin_study(study(variants={"one": {"train.optimizer": {"use": "adam", "lr": {"use": "half"}}}}), out, {})
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: commands.append(command))
    Processes().begin(begun, begun.planned[0])
    assert commands[0][-2:] == ["--plugin", str(part)]

    installed.cache_clear()  # as in another process
    for again in (("study", out), ("study", out, "--run", "one-seed-0")):
        without = gnm(*again)
        assert without.exit_code == 2
        assert f"add --plugin {part}" in without.output
    assert gnm("study", out, "--status").exit_code == 0

    monkeypatch.setattr(
        "gnm_core.studies.work.work", lambda root, name: int(installed().find("schedule", "half") is None)
    )
    assert Work(str(out), "one-seed-0", (str(part),))() == 0


@pytest.mark.usefixtures("in_this_process")
def test_looking_takes_no_lock(study: Study, gnm: Gnm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert gnm("study", study(variants={"one": {}}), "--out", out).exit_code == 0
    with FileLock(out / ".lock"), FileLock(out / "runs/one-seed-0/.lock"):
        assert gnm("study", out, "--status").exit_code == 0
        assert gnm("runs", out).exit_code == 0
    assert open_study(out).is_done(open_study(out).planned[0])
    assert not os.path.exists(out / "runs/one-seed-0/.process.json")
