"""`gnm runs`: what is listed, sorted and filtered, whatever state the folders are in."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.runs import at_work
from gnm_core.runs.summary import summary_of
from ruamel.yaml import YAML

Run = Callable[..., Path]


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Writes what a training leaves behind, without training."""

    def make(name: str, core: str = "structdraw", steps: tuple[int, ...] = (10,), **numbers: float) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        model = {"use": "gnm", "encoder": {"use": "conv"}, "core": {"use": core, "prior": {"use": "flow"}}}
        spec = {"dims": {"size": 64}, "model": model, "data": {"use": "mnist-4"}}
        YAML().dump({**spec, "train": {"stages": [{"steps": 6}, {}], "steps": 4, "seed": 7}}, folder / "spec.yaml")
        (folder / "settings.json").write_text("{}")
        for step in steps:
            checkpoint = folder / f"checkpoints/step-{step:08d}"
            checkpoint.mkdir(parents=True)
            (checkpoint / "meta.json").write_text(json.dumps({"step": step, "core_seconds": 6.0 * step, "files": {}}))
        records: list[dict[str, Any]] = [{"step": 2, "stage": "a", "elbo": 5.0}, {"step": 4, "stage": "a", "elbo": 3.0}]
        (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in records) + '{"step": 6, "el')
        values = [{"name": n, "value": v, "higher_is_better": n != "MSE"} for n, v in numbers.items()]
        (folder / "evaluation").mkdir()
        (folder / "evaluation/evaluation.json").write_text(json.dumps({"metrics": {"all": {"values": values}}}))
        return folder

    return make


def listed(*arguments: object) -> list[dict[str, Any]]:
    done = gnm("runs", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output))


def names(*arguments: object) -> list[str]:
    return [Path(one["run"]).name for one in listed(*arguments)]


def test_a_run_is_told_by_its_files_alone(run: Run, tmp_path: Path) -> None:
    run("a", steps=(4, 10), **{"S-Acc": 0.5})
    (one,) = listed(tmp_path)
    assert one["state"] == "finished"
    assert (one["step"], one["total"], one["seed"], one["data"]) == (10, 10, 7, "mnist-4")
    assert one["core_minutes"] == 1.0
    assert one["parts"] == {"model": "gnm", "encoder": "conv", "core": "structdraw", "core.prior": "flow"}
    assert one["metrics"]["elbo"] == {"last": 3.0, "best": 5.0, "higher_is_better": True}
    assert one["metrics"]["s-acc"]["last"] == 0.5


def test_no_run_is_a_sentence_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = gnm("runs")
    assert (done.exit_code, done.output) == (0, f"there is no run in {tmp_path}\n")
    assert gnm("runs", "--json").output == "[]\n"
    assert gnm("runs", "missing").exit_code == 2


def test_a_narrow_terminal_breaks_no_name(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run("study/a-rather-long-name-of-a-run-with-many-words-seed-0", **{"S-Acc": 0.25})
    place = str(folder.relative_to(tmp_path))
    monkeypatch.setenv("COLUMNS", "60")
    narrow = gnm("runs", tmp_path).output.splitlines()
    assert max(map(len, narrow)) <= max(60, len(place) + 1)
    assert narrow[0].startswith(f"{place}:")
    assert "step 10 of 10, 1.0 core min, s-acc 0.2500" in " ".join(" ".join(narrow).split())
    monkeypatch.setenv("COLUMNS", "200")
    head, line = gnm("runs", tmp_path).output.splitlines()
    assert head.split()[:3] == ["run", "state", "parts"]
    assert line.startswith(f"{place}  finished")


def test_without_a_folder_it_lists_runs_or_what_is_here(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("a")
    for place in (tmp_path, tmp_path / "runs", tmp_path / "runs/a"):
        monkeypatch.chdir(place)
        assert len(listed()) == 1, place


def test_the_best_come_first_whichever_way_is_better(run: Run, tmp_path: Path) -> None:
    run("a", **{"S-Acc": 0.2, "MSE": 3.0})
    run("b", **{"S-Acc": 0.9, "MSE": 9.0})
    run("c")
    assert names(tmp_path, "--sort", "s-acc") == ["b", "a", "c"]
    assert names(tmp_path, "--sort", "mse") == ["a", "b", "c"]
    wrong = gnm("runs", tmp_path, "--sort", "s-ac")
    assert wrong.exit_code == 2
    assert "did you mean 's-acc'?" in wrong.output


def test_runs_are_filtered_by_what_their_specs_say(run: Run, tmp_path: Path) -> None:
    run("a", core="cells")
    run("b", steps=(5,))
    assert names(tmp_path, "--where", "core=cells") == ["a"]
    assert names(tmp_path, "--where", "core!=cells") == ["b"]
    assert names(tmp_path, "--where", "core.prior=flow", "--where", "state=stopped") == ["b"]
    assert names(tmp_path, "--where", "train.seed=8") == []
    wrong = gnm("runs", tmp_path, "--where", "cor=cells")
    assert wrong.exit_code == 2
    assert "did you mean 'core'?" in wrong.output


def test_a_broken_run_is_listed_with_what_is_broken(run: Run, tmp_path: Path) -> None:
    (run("a") / "spec.yaml").write_text("{[")
    (run("b") / "checkpoints/step-00000010/meta.json").write_text("{")
    run("c", steps=())
    assert [one["state"] for one in listed(tmp_path)] == ["broken", "broken", "stopped"]
    shown = gnm("runs", tmp_path).output
    assert "spec.yaml is damaged" in shown
    assert "meta.json is damaged" in shown


@pytest.mark.parametrize("missing", ["spec.yaml", "settings.json"])
def test_a_run_that_lacks_a_file_is_not_passed_over(missing: str, run: Run, tmp_path: Path) -> None:
    run("whole")
    (run("torn") / missing).unlink()
    assert names(tmp_path / "runs") == ["torn", "whole"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--metrics", "s-acc,s-ac"), ["no run has a number 's-ac'", "did you mean 's-acc'?"]),
        (("--where", "state=finnished"), ["no run has the state 'finnished'", "running or finished or stopped"]),
    ],
)
def test_what_no_run_can_have_is_an_error_not_an_empty_answer(
    asked: tuple[str, ...], said: list[str], run: Run, tmp_path: Path
) -> None:
    run("one", **{"S-Acc": 0.5})
    done = gnm("runs", tmp_path / "runs", *asked)
    assert done.exit_code == 2
    assert all(text in done.output for text in said), done.output


def test_a_run_is_at_work_as_long_as_its_process_lives(run: Run) -> None:
    folder = run("a", steps=(2,))
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    at_work.note(folder)
    note = json.loads((folder / at_work.NAME).read_text())
    about = {**note, "pid": sleeper.pid, "begun": at_work._begun(sleeper.pid)}
    (folder / at_work.NAME).write_text(json.dumps(about))
    assert summary_of(folder).state == "running"
    sleeper.communicate(b"\n")
    assert summary_of(folder).state == "stopped"
    (folder / at_work.NAME).write_text(json.dumps({**note, "begun": "another process of this number"}))
    assert summary_of(folder).state == ("stopped" if at_work._begun(os.getpid()) else "running")


def test_a_run_of_another_machine_is_at_work_while_it_writes(run: Run) -> None:
    folder = run("a", steps=(2,))
    (folder / at_work.NAME).write_text(json.dumps({"host": f"not-{socket.gethostname()}", "pid": 1, "begun": ""}))
    assert summary_of(folder).state == "running"
    for path in (folder / at_work.NAME, folder / "metrics.jsonl"):
        os.utime(path, (0, 0))
    assert summary_of(folder).state == "stopped"


def test_listing_imports_no_torch(run: Run, tmp_path: Path) -> None:
    run("a")
    code = (
        f"import sys, pathlib; from gnm_core.runs.search import runs_in; list(runs_in(pathlib.Path({str(tmp_path)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=False)
    assert done.returncode == 0
