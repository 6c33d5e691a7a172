"""Two processes that share every batch learn what one learns from the whole of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_core.errors import RunError
from gnm_core.training.ranks import Ranks
from ruamel.yaml import YAML
from safetensors.torch import load_file

Toy = Callable[..., dict[str, Any]]


HERE = Path(__file__).parent


def torchrun(processes: int, *arguments: object, program: Path = HERE / "gnm.py") -> "subprocess.CompletedProcess[str]":
    """`gnm train` under `torchrun`, or by itself for one process."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, program, "train", *map(str, arguments), "--threads=1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200, env=environment)


def test_two_processes_equal_one(tmp_path: Path, toy: Toy) -> None:
    spec = toy({"noise": False}, optimizer={"use": "sgd", "lr": 0.05, "momentum": 0.9})
    spec["objective"] = {"use": "geco", "goal": 0.05, "rate": 0.1}
    YAML().dump(spec, tmp_path / "spec.yaml")
    arguments = ("--spec", tmp_path / "spec.yaml", "--out")
    one = torchrun(1, *arguments, tmp_path / "one")
    two = torchrun(2, *arguments, tmp_path / "two", "--steps", 6)
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert two.stdout.count("6 of 12 steps made") == 1
    two = torchrun(2, "--resume", tmp_path / "two")
    assert two.returncode == 0, two.stderr
    last = "checkpoints/step-00000012/model.safetensors"
    weights, shared = load_file(tmp_path / "one" / last), load_file(tmp_path / "two" / last)
    first = load_file(tmp_path / "one/checkpoints/step-00000004/model.safetensors")
    for name, tensor in weights.items():
        torch.testing.assert_close(shared[name], tensor, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(first[name], tensor, rtol=1e-3, atol=1e-5), name
    records = [
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    ]
    assert [record["step"] for record in records[0]] == [5, 10, 12]
    assert records[1][-1]["elbo"] == pytest.approx(records[0][-1]["elbo"], rel=1e-4)
    assert records[1][-1]["weights"]["kl.code"] == pytest.approx(records[0][-1]["weights"]["kl.code"], rel=1e-5)


def test_processes_follow_the_plan_and_the_weights_of_the_first(tmp_path: Path, toy: Toy) -> None:
    YAML().dump(toy({"noise": False}), tmp_path / "spec.yaml")
    arguments = ("--spec", tmp_path / "spec.yaml", "--out")
    done = torchrun(2, *arguments, tmp_path / "two", "--within", 654, program=HERE / "unlike_ranks.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("timing a few steps") == 1
    assert done.stdout.count("6 of 6 steps made") == 1  # 50 % of 12 by the clock of the first, 25 % by the second's
    six = torchrun(1, *arguments, tmp_path / "one", "--steps", 6)
    assert six.returncode == 0, six.stderr
    weights, expected = (
        load_file(tmp_path / run / "checkpoints/step-00000006/model.safetensors") for run in ("two", "one")
    )
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-4, atol=1e-6)


def test_a_budget_of_processor_time_is_that_of_all_processes(tmp_path: Path, toy: Toy) -> None:
    YAML().dump(toy({"noise": False}, log_every=1), tmp_path / "spec.yaml")
    arguments = ("--spec", tmp_path / "spec.yaml", "--out", tmp_path / "run", "--core-minutes", 2.9)
    done = torchrun(2, *arguments, program=HERE / "unlike_ranks.py")
    assert done.returncode == 0, done.stderr
    assert "1 of 12 steps made" in done.stdout  # 1 + 2 minutes, of which no process alone has used 2.9
    (record,) = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert record["core_seconds"] == 180


def test_processes_that_read_different_files_are_refused(tmp_path: Path, toy: Toy) -> None:
    YAML().dump(toy({"noise": False}), tmp_path / "spec.yaml")
    script = tmp_path / "unlike_files.py"
    script.write_text(
        "import os\nfrom toy_training import ToyData\nfrom gnm_core.cli import main\n"
        "whole = ToyData.__len__\nToyData.__len__ = lambda self: whole(self) - int(os.environ['RANK'])\nmain()\n"
    )
    done = torchrun(2, "--spec", tmp_path / "spec.yaml", "--out", tmp_path / "run", program=script)
    assert done.returncode != 0
    assert "in the first process" in done.stderr
    assert "in process 2 of 2; all must read the same files" in done.stderr
    assert "exitcode  : 2" in done.stderr


def test_a_batch_that_cannot_be_shared_out_is_refused() -> None:
    assert [Ranks(rank, 4).slice(8) for rank in (0, 3)] == [slice(0, 2), slice(6, 8)]
    with pytest.raises(RunError, match="a batch of 9 cannot be shared out evenly among 4 processes"):
        Ranks(0, 4).slice(9)


SMALL = {"channels": 1, "size": 32, "grid": 4, "features": 8, "scene": 4, "what": 6}
MODELS = {
    "gnm": {"use": "gnm", "head": [8], "core": {"use": "structdraw", "steps": 2, "interaction": [16], "decoder": [16]}},
    "vae": "vae",
}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_of_two_processes_are_those_of_one_at_the_same_batch(name: str, tmp_path: Path) -> None:
    """With the noise of the whole batch in both: to 1e-6 of each parameter's largest gradient."""
    YAML().dump({"dims": SMALL, "model": MODELS[name]}, tmp_path / "spec.yaml")
    script = Path(__file__).with_name("gradients.py")
    for processes in (1, 2):
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [sys.executable, *(launcher if processes > 1 else []), script, tmp_path / "spec.yaml"]
        done = subprocess.run(
            [*map(str, command), str(tmp_path / f"{processes}.safetensors")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    one, two = (load_file(tmp_path / f"{processes}.safetensors") for processes in (1, 2))
    assert one.keys() == two.keys()
    assert any(gradient.abs().max() > 0 for gradient in one.values())
    for parameter, gradient in one.items():
        apart, largest = float((two[parameter] - gradient).abs().max()), float(gradient.abs().max())
        assert apart <= 1e-6 * largest, f"{parameter}: {apart} of {largest}"


@pytest.mark.skipif(os.environ.get("GNM_TESTS") != "long", reason="six trainings; GNM_TESTS=long")
def test_three_seeds_of_two_processes_lie_in_the_band_of_one(tmp_path: Path, toy: Toy) -> None:
    """The mean ELBO of the last 20 of 200 steps; noise differs, as each process draws its own."""
    found: dict[int, list[float]] = {1: [], 2: []}
    for seed in (0, 1, 2):
        spec = toy(steps=200, log_every=20, seed=seed, checkpoint_every=200, optimizer={"use": "adam", "lr": 3e-3})
        YAML().dump(spec, tmp_path / f"{seed}.yaml")
        for processes in (1, 2):
            run = tmp_path / f"{seed}-{processes}"
            done = torchrun(processes, "--spec", tmp_path / f"{seed}.yaml", "--out", run)
            assert done.returncode == 0, done.stderr
            last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
            found[processes].append(last["elbo"])
    one, two = torch.tensor(found[1]), torch.tensor(found[2])
    print(f"\nELBO of three seeds: one process {found[1]}, two {found[2]}")
    error = (one.var() / 3 + two.var() / 3).sqrt()
    assert (one.mean() - two.mean()).abs() < 4.3 * error  # Student's, 2 degrees of freedom, 95 %
