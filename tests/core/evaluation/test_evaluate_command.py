"""`gnm evaluate` and `gnm compare`, on real runs of a few steps."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.plugins import installed

SPEC = """
dims: {{channels: 1, size: 32, grid: 4, features: 8, scene: 4, what: 4}}
model: {model}
data: {data}
train: {{steps: 2, batch: 4, picture_every: 0}}
"""
GNM = "{use: gnm, core: {use: structdraw, steps: 2, decoder: [16]}}"
VAE = "{use: vae}"
CHEAP = [
    *("--metrics", "reconstruction,counting,s-acc,ll,d-steps", "-n", "40"),
    *("--set", "metrics.ll.particles=2", "--set", "metrics.s-acc.n=10"),
    *("--set", "metrics.d-steps={use: d-steps, cap: 40, seeds: 1, width: 4}"),
]


def gnm(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="gnm")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a GNM on two data sets, and of a VAE."""
    folder = tmp_path_factory.mktemp("runs")
    for name, model, data in [("gnm", GNM, "mnist-4"), ("vae", VAE, "mnist-4"), ("ten", GNM, "mnist-10")]:
        spec = folder / f"{name}.yaml"
        spec.write_text(SPEC.format(model=model, data=data))
        result = gnm("train", "--spec", spec, "--out", folder / name)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy to work on."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture(scope="module")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, evaluated."""
    folder = Path(shutil.copytree(trained, tmp_path_factory.mktemp("evaluated") / "runs"))
    result = gnm("evaluate", *(folder / name for name in ("gnm", "vae", "ten")), *CHEAP, "--no-report")
    assert result.exit_code == 0, result.output
    return folder


def test_an_evaluation_in_files_and_at_the_terminal(runs: Path) -> None:
    result = gnm("evaluate", runs / "gnm", *CHEAP, "--no-report")
    assert result.exit_code == 0, result.output
    for name in ("S-Acc", "LL", "LL (relaxed, as published)", "D-Steps", "MSE", "counting accuracy"):
        assert f"│ {name} " in result.stdout
    assert "0.0000 to " in result.stdout
    assert "s-acc: S-Acc 0.0000 [0.0000 to" in result.stderr, "a line for each metric as it is taken"
    folder = runs / "gnm" / "evaluation"
    data = json.loads((folder / "evaluation.json").read_text())
    about = [data[name] for name in ("label", "model", "data", "size", "step", "split", "seed")]
    assert about == ["GNM-2", "gnm", "mnist-4", 32, 2, "test", 0]
    assert data["seconds_trained"] > 0
    assert data["packages"]["gnm-data"] == installed().parts["data", "mnist-4"].provider.version
    assert data["metrics"]["s-acc"]["details"]["judge"].startswith("mnist-4/")
    with (folder / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    values = {row["name"]: float(row["value"]) for row in rows}
    assert values["S-Acc"] == 0.0
    assert values["LL"] == data["metrics"]["ll"]["values"][0]["value"]
    again = gnm("evaluate", runs / "gnm", *CHEAP, "--no-report")
    assert again.stderr.count("taken before; --again takes it again") == 5
    assert json.loads((folder / "evaluation.json").read_text()) == data


def test_the_same_seed_gives_the_same_numbers(evaluated: Path, tmp_path: Path) -> None:
    result = gnm("evaluate", evaluated / "gnm", *CHEAP, "--no-report", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    first, second = (
        json.loads((folder / "evaluation.json").read_text())["metrics"]
        for folder in (evaluated / "gnm" / "evaluation", tmp_path / "out")
    )
    for name in first:
        assert first[name]["values"] == second[name]["values"]


def test_a_model_without_objects_is_skipped_not_given_zero(evaluated: Path) -> None:
    counting = json.loads((evaluated / "vae" / "evaluation" / "evaluation.json").read_text())["metrics"]["counting"]
    assert counting["values"] == []
    assert counting["skipped"] == "the model does not name objects"


def test_a_data_set_without_truth_is_skipped_not_given_zero(runs: Path, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    for i in range(12):
        Image.new("L", (32, 32), i * 20).save(tmp_path / "pictures" / f"{i}.png")
    spec = tmp_path / "spec.yaml"
    data = f"{{use: image-folder, dir: {tmp_path / 'pictures'}, test: 0.5}}"
    spec.write_text(SPEC.format(model=GNM, data=data))
    assert gnm("train", "--spec", spec, "--out", tmp_path / "run").exit_code == 0
    result = gnm("evaluate", tmp_path / "run", "--metrics", "ap,s-acc,reconstruction", "--no-report")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "run" / "evaluation" / "evaluation.json").read_text())["metrics"]
    assert found["ap"]["skipped"] == "the data set knows no truth about its images"
    assert "there is no judge for 'image-folder'" in found["s-acc"]["skipped"]
    assert found["reconstruction"]["values"]
    assert "skipped: the data set knows no truth" in result.stdout


def test_several_runs_share_a_report_above_them(runs: Path) -> None:
    result = gnm("evaluate", runs / "gnm", runs / "vae", "--metrics", "reconstruction", "-n", "8")
    assert result.exit_code == 0, result.output
    assert f"report: {runs / 'report.html'}" in result.stderr
    page = (runs / "report.html").read_text()
    assert "GNM-2" in page
    assert "VAE" in page
    assert (runs / "gnm" / "evaluation" / "figures" / "samples.png").exists()


# Mistakes


def fails(*arguments: object) -> str:
    result = gnm(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


def test_a_run_without_checkpoints(runs: Path) -> None:
    shutil.rmtree(runs / "gnm" / "checkpoints")
    assert f"{runs / 'gnm'}: no checkpoint yet" in fails("evaluate", runs / "gnm")


def test_no_run_at_all(tmp_path: Path) -> None:
    assert "there is no such folder" in fails("evaluate", tmp_path / "none")
    assert "not a run (no spec.yaml)" in fails("evaluate", tmp_path)


def test_a_checkpoint_of_another_spec(runs: Path) -> None:
    spec = runs / "gnm" / "spec.yaml"
    spec.write_text(spec.read_text().replace("what: 4", "what: 6"))
    assert "is of another spec: dims.what is 4 there and 6 here" in fails("evaluate", runs / "gnm")


def test_weights_that_do_not_fit(runs: Path) -> None:
    one, other = (next((runs / name / "checkpoints").iterdir()) for name in ("gnm", "vae"))
    shutil.copy(other / "model.safetensors", one / "model.safetensors")
    assert "model.safetensors is damaged" in fails("evaluate", runs / "gnm")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-n", "0"], "0 is not in the range 1<=x<=1000000"),
        (["--set", "metrics.s-acc.n=0"], "metrics.s-acc.n: 0 is out of range; expected an integer of at least 1"),
        (["--metrics", "s-ac"], "there is no metric 's-ac' did you mean 's-acc'? metrics: ap, counting, d-steps, "),
        (["--metrics", ","], "--metrics names no metric"),
        (["--split", "all"], "'all' is not one of 'train', 'validation', 'test'"),
        (["--device", "cuda:99"], "cuda"),
        (["--at", "7"], "no checkpoint of step 7; there is 2"),
    ],
)
def test_options_that_cannot_be(options: list[str], message: str, trained: Path) -> None:
    assert message in fails("evaluate", trained / "gnm", *options, "--no-report")


def test_weights_that_are_not_finite_name_the_metric_and_the_output(runs: Path) -> None:
    import hashlib

    import safetensors.torch

    folder = next((runs / "gnm" / "checkpoints").iterdir())
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    for name in weights:
        if name.startswith("renderer"):
            weights[name] = weights[name] * float("nan")
    safetensors.torch.save_file(weights, folder / "model.safetensors")
    content = (folder / "model.safetensors").read_bytes()
    meta = json.loads((folder / "meta.json").read_text())
    meta["files"]["model.safetensors"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "meta.json").write_text(json.dumps(meta))
    said = fails("evaluate", runs / "gnm", "--metrics", "reconstruction,ll,counting", "-n", "8", "--no-report")
    assert "metric 'reconstruction': the reconstruction is not finite" in said
    assert "metric 'll': log_weights is not finite" in said
    assert "counting" in json.loads((runs / "gnm" / "evaluation" / "evaluation.json").read_text())["metrics"]


def test_one_bad_run_stops_before_anything_is_measured(runs: Path, tmp_path: Path) -> None:
    assert "there is no such folder" in fails("evaluate", runs / "gnm", tmp_path / "none", *CHEAP)
    assert not (runs / "gnm" / "evaluation").exists()


def test_a_damaged_evaluation_is_named(runs: Path) -> None:
    (runs / "gnm" / "evaluation").mkdir()
    (runs / "gnm" / "evaluation" / "evaluation.json").write_text("{}")
    assert "evaluation.json is damaged" in fails("evaluate", runs / "gnm", *CHEAP)
    assert "evaluation.json is damaged" in fails("compare", runs / "gnm")


# Ctrl-C


def test_ctrl_c_leaves_a_good_file_and_ends_cleanly(runs: Path) -> None:
    # A process that is started in the background may have been told to ignore Ctrl-C; this one shall hear it.
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [
        sys.executable,
        "-c",
        f"{hears}; from gnm_core.cli import main; main(prog_name='gnm')",
        "evaluate",
        str(runs / "gnm"),
    ]
    options = [
        "--metrics",
        "counting,ll",
        "-n",
        "2000",
        "--set",
        "metrics.ll={use: ll, particles: 100000}",
        "--no-report",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    file = runs / "gnm" / "evaluation" / "evaluation.json"
    while process.poll() is None:
        if file.exists() and "counting" in json.loads(file.read_text())["metrics"]:
            break
        time.sleep(0.1)
    try:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=1200)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "the same command goes on with the rest" in said
    assert "Traceback" not in said
    assert list(json.loads(file.read_text())["metrics"]) == ["counting"]


# compare


def test_compare_puts_models_in_rows(evaluated: Path, tmp_path: Path) -> None:
    result = gnm("compare", evaluated / "gnm", evaluated / "vae", "--csv", tmp_path / "all.csv")
    assert result.exit_code == 0, result.output
    header = next(line for line in result.stdout.splitlines() if "model" in line)
    assert [word for word in ("S-Acc", "D-Steps", "LL") if word in header] == ["S-Acc", "D-Steps", "LL"]
    assert "GNM-2" in result.stdout
    assert "VAE" in result.stdout
    assert result.stderr == ""
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"GNM-2", "VAE"}
    assert next(row for row in rows if row["skipped"])["metric"] == "counting"


def test_compare_as_json(evaluated: Path) -> None:
    rows = json.loads(gnm("compare", evaluated / "gnm", evaluated / "vae" / "evaluation", "--json").stdout)
    assert {row["name"] for row in rows} >= {"S-Acc", "D-Steps", "LL", "MSE", None}


def test_mixed_data_sets_are_told_apart(evaluated: Path) -> None:
    result = gnm("compare", evaluated / "gnm", evaluated / "ten")
    assert result.exit_code == 0
    assert (
        "these runs are of different data (mnist-4 at 32 px, test split; mnist-10 at 32 px, test split)"
        in result.stderr
    )
    assert result.stdout.count("model") == 2


def test_published_values_stand_beside(evaluated: Path, tmp_path: Path) -> None:
    file = tmp_path / "evaluation.json"
    data: dict[str, Any] = json.loads((evaluated / "gnm" / "evaluation" / "evaluation.json").read_text())
    file.write_text(json.dumps({**data, "label": "GNM-8", "data": "mnist-4-10"}))
    assert "published 0.8520" in gnm("compare", file).stdout


def test_comparing_what_was_not_evaluated(runs: Path) -> None:
    assert "not evaluated yet (there is no evaluation.json); run: gnm evaluate" in fails("compare", runs / "gnm")


# Plugins


def test_a_metric_of_a_plugin(
    trained: Path, tmp_path: Path, distribution: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = '''
    from typing import Annotated
    from annotated_types import Ge
    from gnm_core import Measurement, Metric, Value, hookimpl

    class Ink(Metric):
        """Mean brightness of samples.

        Args:
            n: scenes.
        """

        def __init__(self, *, n: Annotated[int, Ge(1)] = 8) -> None:
            self.n = n

        def measure(self, subject, seen):
            return Measurement((Value("ink", float(subject.sample(self.n).mean()), count=self.n),))

    @hookimpl
    def gnm_register(register):
        register.metric("ink", "toy_ink:Ink")
    '''
    monkeypatch.syspath_prepend(str(distribution("toy-ink", {"toy_ink.py": source})))
    installed.cache_clear()
    try:
        from gnm_core import Metric
        from gnm_core.testing import check_part

        check_part(Metric, "ink")
        out = tmp_path / "out"
        result = gnm(
            *("evaluate", trained / "vae", "--metrics", "ink,speed", "--set", "metrics.ink.n=3"),
            *("--set", "metrics.speed.rounds=2", "--out", out, "--no-report"),
        )
        assert result.exit_code == 0, result.output
        assert json.loads((out / "evaluation.json").read_text())["metrics"]["ink"]["values"][0]["count"] == 3
    finally:
        monkeypatch.undo()
        installed.cache_clear()
        sys.modules.pop("toy_ink", None)
