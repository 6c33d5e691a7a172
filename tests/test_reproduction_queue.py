"""The queue of trainings: every job can be begun, and one job goes on after a stop and ends with its numbers."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from gnm_core import load_spec
from gnm_core.evaluation import choose
from ruamel.yaml import YAML

FOLDER = Path(__file__).parents[1] / "docs/reproduction"
JOB = """
jobs:
  - name: tiny
    spec: mnist-4-64-short
    core_minutes: MINUTES
    set: ["train.checkpoint_every=5", "data.train=400", "data.validation=100", "data.test=100", "train.levels_every=0"]
    metrics: reconstruction
    measure: ["-n", "8"]
"""


def test_every_job_has_a_spec_its_options_and_its_metrics() -> None:
    for job in YAML(typ="safe").load((FOLDER / "queue.yaml").read_text())["jobs"]:
        spec = load_spec(job["spec"], job.get("set", ()))
        assert choose(job["metrics"].split(","), dims=spec.dims)


def test_a_stopped_job_goes_on_and_ends_with_its_numbers(tmp_path: Path) -> None:
    steps = tmp_path / "work/runs/tiny/checkpoints"
    first = _queue(tmp_path, minutes=5)
    deadline = time.monotonic() + 240
    while not list(steps.glob("step-*/meta.json")):
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    first.send_signal(signal.SIGTERM)
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    stopped = max(steps.glob("step-*"))
    assert not (tmp_path / "work/results/tiny/evaluation.json").exists()

    second = _queue(tmp_path, minutes=0.001)  # spent already: nothing is left but to measure
    said, _ = second.communicate(timeout=240)
    assert second.returncode == 0, said
    assert max(steps.glob("step-*")) == stopped
    results = tmp_path / "work/results/tiny"
    assert json.loads((results / "evaluation.json").read_text())["step"] == int(stopped.name.removeprefix("step-"))
    assert json.loads((results / "job.json").read_text())["core_minutes_used"] > 0
    assert (results / "samples.png").exists()
    assert (results / "curve.jsonl").exists()

    third = _queue(tmp_path, minutes=5)
    assert "tiny: done" in third.communicate(timeout=60)[0]


def _queue(folder: Path, minutes: float) -> subprocess.Popen[str]:
    (folder / "queue.yaml").write_text(JOB.replace("MINUTES", str(minutes)))
    where = ["--work", folder / "work", "--queue", folder / "queue.yaml", "--threads", "1"]
    command = [sys.executable, FOLDER / "run_queue.py", *where]
    return subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
