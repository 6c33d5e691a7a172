"""What commands print fits where it goes, and a reader who leaves ends no training."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gnm_core.evaluation.evaluation import Evaluation, Outcome
from gnm_core.evaluation.report.tables import print_comparison
from gnm_core.progress import Heartbeat, showing_progress
from gnm_core.results import Value
from gnm_core.training.learner import Report
from gnm_core.training.progress import Goal, LiveDisplay, PlainDisplay, numbers_table
from rich.console import Console

Run = Callable[..., "subprocess.CompletedProcess[str]"]
NAMES = [f"auxiliary.value{i}" for i in range(12)]
SMALL = """
dims: {channels: 1, size: 32, features: 8}
model: {use: vae}
data: {use: mnist-4}
train: {steps: 3, batch: 2, log_every: 1, picture_every: 0}
"""


def console(width: int, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, legacy_windows=False)


def text(of: Console) -> str:
    assert isinstance(of.file, io.StringIO)
    return of.file.getvalue()


# Widths


@pytest.mark.parametrize("width", [24, 40, 80, 120, 200])
def test_no_name_of_a_training_is_cut(width: int) -> None:
    shown = console(width, terminal=True)
    shown.print(numbers_table({name: 1234.5 for name in NAMES}, width))
    assert [name for name in NAMES if name not in text(shown)] == []
    assert "…" not in text(shown)


def evaluation(run: str, names: list[str]) -> Evaluation:
    values = tuple(Value(name, 0.5) for name in names)
    about = {"run": run, "label": "GNM", "data": "mnist-4", "size": 32, "split": "test", "seed": 0, "step": 10}
    fields = {name: None for name in Evaluation.__dataclass_fields__} | about
    return Evaluation(**fields | {"metrics": {"all": Outcome(values=values, skipped=None, seconds=0.0)}})  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "terminal"), [(80, False), (80, True), (40, False), (300, True)])
def test_a_comparison_of_every_value_is_cut_nowhere(width: int, terminal: bool) -> None:
    shown = console(width, terminal)
    print_comparison(shown, [evaluation("runs/a", NAMES), evaluation("runs/b", NAMES)], NAMES)
    assert [name for name in NAMES if name not in text(shown)] == []
    assert "…" not in text(shown)


# Time left


def test_the_time_left_ends_with_the_seconds_that_are_given() -> None:
    assert Goal(1000).left(0, 60) == "16:40:00"
    assert Goal(1000, 170).left(0, 60) in ("0:02:50", "0:02:49")
    assert Goal(10, 170).left(9, 1) == "0:00:01"


# Signs of life


def report(step: int) -> Report:
    fields = {name: None for name in Report.__dataclass_fields__} | {"step": step, "values": {}, "stage": "stage 1"}
    return Report(**fields)  # type: ignore[arg-type]


def test_a_pipe_hears_at_once_that_a_training_begins_and_then_now_and_then() -> None:
    shown = console(80)
    display = PlainDisplay(shown)
    display.start(3, 10)
    assert text(shown) == "step 3/10: training begins\n"
    display.update(report(3))
    assert text(shown).count("\n") == 1
    display._silence = Heartbeat(0)
    display.update(report(4))
    assert text(shown).splitlines()[1].startswith("step 5/10  ")


def test_the_build_of_a_data_set_is_told_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gnm_core.progress.Heartbeat", lambda every: Heartbeat(0))
    shown = console(80)
    with showing_progress("rooms", shown) as tell:
        tell(32, 1000)
    assert text(shown).startswith("rooms: 32 of 1,000 images, ")


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_training_outlives_whoever_reads_its_lines() -> None:
    display = PlainDisplay(Console(file=Gone(), width=80))
    display.start(0, 10)
    display.say("hello")


def test_a_live_display_takes_a_limit_of_seconds() -> None:
    display = LiveDisplay(console(80, terminal=True))
    display.start(0, 10, 5.0)
    display.stop()


# The real command


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SMALL)
    return tmp_path / "spec.yaml"


def shell(command: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    gnm = f"{sys.executable} -m gnm_core"
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("GNM", gnm)],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True, text=True, errors="replace", check=False, timeout=1200,
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("GNM parts | head -1", 0),
        ("GNM compose --spec spec.yaml | head -1", 0),
        ("GNM compose --spec spec.yaml >&-", 0),
        ("GNM parts 2>&-", 0),
        ("GNM train --spec spec.yaml --out run >&- 2>&-", 0),
        ("GNM train --spec spec.yaml --out run | head -1", 0),
    ],
)
def test_a_reader_who_leaves_sees_no_traceback(command: str, code: int, spec: Path) -> None:
    done = shell(command, spec.parent)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "fault of gnm" not in done.stderr
    if "train" in command:
        assert (spec.parent / "run/checkpoints/step-00000003").is_dir()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_told(spec: Path) -> None:
    done = shell("GNM parts > /dev/full", spec.parent)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "fault of gnm" not in done.stderr
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "LANG": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
        {"COLUMNS": "20"},
        {"COLUMNS": "1"},
    ],
)
def test_every_output_works_in_a_poor_terminal(environment: dict[str, str], spec: Path) -> None:
    named = spec.rename(spec.with_name("café-\u65e5.yaml"))
    for command in ("compose --json", "compose --diff other.yaml"):
        (spec.parent / "other.yaml").write_text("model: vae\n")
        done = shell(f"GNM {command} --spec '{named.name}'", spec.parent, **environment)
        assert done.returncode == 0, done.stderr
        if "--json" in command:
            assert json.loads(done.stdout)["spec"]["dims"]["size"] == 32
    for command in ("parts", "train --help"):
        assert shell(f"GNM {command}", spec.parent, **environment).returncode == 0


def test_without_a_home_and_with_a_strict_umask_a_model_is_trained(spec: Path) -> None:
    done = shell(
        "umask 077; unset HOME; GNM train --spec spec.yaml --out run && GNM sample run -n 2 --out x.png", spec.parent
    )
    assert done.returncode == 0, done.stderr
    assert (spec.parent / "run/spec.yaml").stat().st_mode & 0o077 == 0
    again = shell("HOME=/nonexistent GNM compose --spec spec.yaml", spec.parent)
    assert again.returncode == 0, again.stderr
    assert "Traceback" not in again.stderr
