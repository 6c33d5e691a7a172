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


def torchrun(processes: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """`gnm train` under `torchrun`, or by itself for one process."""
    script = Path(__file__).with_name("gnm.py")
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, script, "train", *map(str, arguments), "--threads=1"]
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


def test_a_batch_that_cannot_be_shared_out_is_refused() -> None:
    assert [Ranks(rank, 4).slice(8) for rank in (0, 3)] == [slice(0, 2), slice(6, 8)]
    with pytest.raises(RunError, match="a batch of 9 cannot be shared out evenly among 4 processes"):
        Ranks(0, 4).slice(9)
