"""Trains and measures whatever is next in queue.yaml, one job after the other, and goes on after any stop.

    python docs/reproduction/run_queue.py --digits-dir MNIST_FOLDER --work ~/gnm-queue
    python docs/reproduction/run_queue.py --work ~/gnm-queue --status

A job is a spec, a budget in minutes of one core, and the metrics to take. Its run lies in WORK/runs/NAME, its
numbers and curve in WORK/results/NAME, small enough to be committed. A job with numbers is finished; one without goes
on where its last checkpoint was. Ctrl-C and SIGTERM end the training saved. A job that fails is noted and the queue
goes on with the next. Run it from a clone at a fixed commit: what is queued is trained by the code beside this file.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEPT_RECORDS = 120
"""So many points of a curve are kept."""


@dataclass(frozen=True)
class Job:
    """One training and its measurement."""

    name: str
    spec: str
    """File, relative to the project's root, or the name of a shipped spec."""
    core_minutes: float
    """Budget: processor time of one core; 60 minutes of two cores are 120."""
    metrics: str
    """Names for `gnm evaluate --metrics`."""
    set: tuple[str, ...] = ()
    """`--set` texts of the training."""
    measure: tuple[str, ...] = ()
    """More arguments of `gnm evaluate`."""
    digits: bool = False
    """It learns from real digits: needs `--digits-dir`."""
    why: str = ""
    """What the job is for."""


def jobs(path: Path) -> list[Job]:
    """The queue, first things first."""
    entries = YAML(typ="safe").load(path.read_text())["jobs"]
    found = [Job(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}) for entry in entries]
    names = [job.name for job in found]
    if len(set(names)) < len(names):
        raise SystemExit(f"{path}: a name is used twice")
    return found


class Queue:
    """Jobs, and the folder where they happen.

    Args:
        work: for runs, results and the log.
        digits: folder of the MNIST files; None leaves jobs on real digits waiting.
        threads: processor threads of a training.
    """

    def __init__(self, work: Path, digits: Path | None, threads: int) -> None:
        self.work, self.digits, self.threads = work, digits, threads
        self.stopped = False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, todo: Sequence[Job]) -> None:
        """Do what is next until nothing is left or somebody says stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for job in todo:
            state = self.state(job)
            if self.stopped:
                return
            if state != "waiting":
                again = f"; remove {self._results(job) / 'failed'} to try again" if state == "failed" else ""
                print(f"{job.name}: {state}{again}", flush=True)
                continue
            print(f"{job.name}: {job.why or job.spec}", flush=True)
            if not (self._train(job) and self._measure(job)) and not self.stopped:
                (self._results(job) / "failed").write_text("see log.txt; remove this file to try again\n")
                print(f"{job.name}: failed, see {self._results(job) / 'log.txt'}", flush=True)

    def state(self, job: Job) -> str:
        """`done`, `failed`, `waiting`, or what it waits for."""
        results = self._results(job)
        if (results / "evaluation.json").exists():
            return "done"
        if (results / "failed").exists():
            return "failed"
        return "needs --digits-dir" if job.digits and self.digits is None else "waiting"

    def spent(self, job: Job) -> float:
        """Minutes of one core that its training has used, as of its newest checkpoint or record."""
        run = self._run(job)
        metas = [json.loads(path.read_text()) for path in run.glob("checkpoints/step-*/meta.json")]
        known = [*metas, _last_record(run / "metrics.jsonl")]
        return max(float(about.get("core_seconds", 0.0)) for about in known) / 60

    def _run(self, job: Job) -> Path:
        return self.work / "runs" / job.name

    def _results(self, job: Job) -> Path:
        return self.work / "results" / job.name

    def _train(self, job: Job) -> bool:
        run = self._run(job)
        if (run / "spec.yaml").exists():
            begin = ["--resume", run]
        else:
            shutil.rmtree(run, ignore_errors=True)  # killed before it was a run
            given = ["--digits-dir", self.digits] if job.digits else []
            spec = ROOT / job.spec if (ROOT / job.spec).exists() else job.spec
            begin = ["--spec", spec, "--out", run, *given, *(part for text in job.set for part in ("--set", text))]
        limits = ["--threads", self.threads, "--core-minutes", job.core_minutes]
        return self._call(job, "train", *begin, *limits)

    def _measure(self, job: Job) -> bool:
        run = self._run(job)
        if self.stopped or not self._call(job, "evaluate", run, "--metrics", job.metrics, *job.measure):
            return False
        if not self._call(job, "sample", run, "-n", 50, "--out", self._results(job) / "samples.png"):
            return False
        results = self._results(job)
        _thin(run / "metrics.jsonl", results / "curve.jsonl")
        self._publish(run / "spec.yaml", results / "spec.yaml")
        (results / "job.json").write_text(json.dumps(self._about(job), indent=1) + "\n")
        self._publish(run / "evaluation" / "evaluation.json", results / "evaluation.json")  # last: now it is done
        return True

    def _publish(self, source: Path, target: Path) -> None:
        """Copy a text without the folders of this machine."""
        text = source.read_text().replace(f"{self.work}/", "")
        target.write_text(text if self.digits is None else text.replace(str(self.digits), "MNIST_FOLDER"))

    def _about(self, job: Job) -> dict[str, Any]:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        return {
            "spec": job.spec,
            "set": list(job.set),
            "core_minutes": job.core_minutes,
            "core_minutes_used": round(self.spent(job), 2),
            "threads": self.threads,
            "commit": commit.stdout.strip(),
        }

    def _call(self, job: Job, *arguments: object) -> bool:
        if self.stopped:
            return False
        results = self._results(job)
        results.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", "from gnm_core.cli import main; main()", *map(str, arguments)]
        with (results / "log.txt").open("ab") as log:
            log.write(f"$ gnm {' '.join(map(str, arguments))}\n".encode())
            log.flush()
            # In a session of its own: Ctrl-C reaches it through `_stop` alone, once.
            self._child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
            code = self._child.wait()
            self._child = None
        return code == 0

    def _stop(self, number: int, frame: object) -> None:
        self.stopped = True
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)


def _last_record(path: Path) -> dict[str, Any]:
    """The newest record that a training wrote about a step; empty where there is none."""
    if not path.exists():
        return {}
    for line in reversed(path.read_text(errors="replace").splitlines()):
        try:
            record = json.loads(line)
        except ValueError:
            continue  # half a line of a training that was killed
        if isinstance(record, dict) and "core_seconds" in record:
            return record
    return {}


def _thin(source: Path, target: Path) -> None:
    """Copy the curve of a training, every so many records, all warnings and shares of scenes that obey included."""
    lines = source.read_text().splitlines()
    every = max(1, len(lines) // KEPT_RECORDS)
    always = {len(lines) - 1, *(i for i, line in enumerate(lines) if '"warning"' in line or '"structure"' in line)}
    kept = [line for i, line in enumerate(lines) if i % every == 0 or i in always]
    target.write_text("\n".join(kept) + "\n")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for runs and results")
    parser.add_argument("--digits-dir", type=Path, help="folder of the MNIST files")
    parser.add_argument("--queue", type=Path, default=HERE / "queue.yaml", help="the jobs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these jobs only")
    parser.add_argument("--status", action="store_true", help="say how far it is, and end")
    given = parser.parse_args()
    todo = jobs(given.queue)
    if given.only:
        unknown = set(given.only) - {job.name for job in todo}
        if unknown:
            parser.error(f"no such job: {', '.join(sorted(unknown))}; there is {', '.join(job.name for job in todo)}")
        todo = [job for job in todo if job.name in given.only]
    queue = Queue(given.work.expanduser().resolve(), given.digits_dir and given.digits_dir.resolve(), given.threads)
    if given.status:
        for job in todo:
            print(f"{job.name:32} {queue.state(job):18} {queue.spent(job):6.1f} of {job.core_minutes} core minutes")
        return
    queue.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(queue.work / ".lock", timeout=0):
            queue.run(todo)
    except Timeout:
        raise SystemExit(f"{queue.work}: the queue is running already") from None


if __name__ == "__main__":
    main()
