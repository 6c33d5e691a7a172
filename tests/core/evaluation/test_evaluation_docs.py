"""What docs/evaluation.md says is so."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.evaluation.choice import choose
from gnm_core.evaluation.metrics.d_steps import DSteps
from gnm_core.plugins import installed
from PIL import Image

TEXT = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text()
COMMANDS = [line.partition(" #")[0].strip() for line in re.findall(r"^gnm .*", TEXT, re.MULTILINE)]
PYTHON = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SPEC = """
dims: {channels: 1, size: 32, grid: 4, features: 8, scene: 4, what: 4}
model: {use: gnm, core: {use: structdraw, steps: 2, decoder: [16]}}
data: mnist-4
train: {steps: 1, batch: 4, picture_every: 0}
"""
CHEAPER = [
    *("--no-report", "-n", "24", "--set", "metrics.ll={use: ll, particles: 2}"),
    *("--set", "metrics.d-steps={use: d-steps, cap: 40, seeds: 1, width: 2}"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    (folder / "spec.yaml").write_text(SPEC)
    for name in ("x", "y"):
        run("train", "--spec", folder / "spec.yaml", "--out", folder / "runs" / name)
    run("evaluate", folder / "runs" / "x", folder / "runs" / "y", "--metrics", "reconstruction,s-acc", *CHEAPER)
    return folder


@pytest.fixture
def at_home(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    (tmp_path / "photos").mkdir()
    for i in range(4):
        Image.new("L", (40, 32), 50 * i).save(tmp_path / f"photos/{i}.png")
    (tmp_path / "boxes.csv").write_text("file,label,x0,y0,x1,y1\n0.png,cat,5,5,20,20\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="gnm")
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.stdout


def test_there_is_something_to_check() -> None:
    assert len(COMMANDS) == 8
    assert len(PYTHON) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(at_home: Path, command: str) -> None:
    words = shlex.split(command)[1:]
    assert run(*words, *(CHEAPER if words[0] == "evaluate" else []))
    if "numbers.csv" in command:
        assert (at_home / "numbers.csv").exists()


def test_the_python_runs(at_home: Path) -> None:
    names: dict[str, Any] = {}
    exec(PYTHON[2], names)
    assert names["found"].value("AP@0.5 (11-point)") is not None


def test_the_metrics_in_the_text_work(at_home: Path) -> None:
    """The two examples, on a model that can do everything."""
    from gnm_core.evaluation.context import Metric
    from gnm_core.testing import check_part

    header = (
        "from collections.abc import Sequence\nfrom typing import Annotated, Any\nfrom annotated_types import Ge\n"
        "from gnm_core import Measurement, Metric, EvaluationContext, Value, EvaluationBatch\n"
    )
    for block, name in zip(PYTHON[:2], ("Ink", "Emptiness"), strict=True):
        names: dict[str, Any] = {"__name__": __name__}
        exec(header + block, names)
        check_part(Metric, names[name])


def test_every_metric_and_every_value_is_in_the_text() -> None:
    for entry in installed().of_kind("metric"):
        assert f"| `{entry.name}` |" in TEXT
    for name in ("S-Acc", "D-Steps", "LL (relaxed, as published)", "ARI-FG", "mIoU", "AP@0.5:0.95", "PSNR", "ELBO"):
        assert name in TEXT


def test_the_numbers_of_the_protocols_are_the_defaults() -> None:
    d = DSteps()
    for said, number in [
        ("5,000 (`pool`)", d.pool),
        ("500 (`held_out`)", d.held_out),
        ("8 channels (`width`)", d.width),
        ("every 40 steps (`check_every`", d.check_every),
        ("10,000 steps (`cap`)", d.cap),
    ]:
        assert said in TEXT
        assert f"{number:,}" in said
    assert (d.lr, d.accuracy, d.seeds, d.batch) == (1e-4, 0.9, 3, 64)
    options = {choice.name: choice.options for choice in choose()}
    assert (options["ll"]["particles"], options["ll"]["n"], options["s-acc"]["n"]) == (100, 500, 250)
    assert (options["segmentation"]["n"], options["segmentation"]["visible"]) == (1000, 0.1)
    assert (options["what-classification"]["hidden"], options["what-classification"]["train"]) == (128, 0.8)
