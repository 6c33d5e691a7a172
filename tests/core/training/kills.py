"""Kills a training at every kind of moment, resumes it, and prints what came out; run by `test_kill.py`.

Every training is a fork of this process, so that torch is imported once. Usage: kills.py FOLDER
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gnm_core import files
from gnm_core.runs import checkpoint
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume, start
from gnm_core.training.progress import Silent

sys.path.insert(0, str(Path(__file__).parent))
from toy_training import draw_with_toy_figure

SPEC: dict[str, Any] = {
    "dims": {"channels": 1, "size": 8, "grid": 2, "what": 4},
    "model": {"use": "toy", "nan_at": [6]},
    "data": {"use": "toy"},
    "train": {
        "batch": 8,
        "checkpoint_every": 4,
        "keep": 1,
        "picture_every": 3,
        "log_every": 2,
        "stages": [{"steps": 6}, {"steps": 4, "optimizer": "adam", "freeze": ["decoder"]}],
    },
}


def forked(work: Callable[[], object]) -> int:
    """The exit status of `work` in a process of its own; minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train(run: Path) -> None:
    """Go on with the run, or begin it."""
    torch.set_num_threads(1)
    if (run / "spec.yaml").exists():
        resume(run, Settings(), Silent())
    else:
        start(load_spec(SPEC), run, Settings(), Silent())


class Disk:
    """Counts what is done to the disk, and kills the process at one operation: before it, or half-way through."""

    def __init__(self, kill_at: int) -> None:
        self.count, self.kill_at = 0, kill_at
        self.names: list[str] = []
        for owner, name in ((os, "fsync"), (Path, "rename"), (Path, "replace"), (shutil, "rmtree")):
            self._watch(owner, name)
        whole = files.write

        def write(path: Path, content: bytes) -> None:
            if self._next(f"write {path.name}"):
                path.write_bytes(content[: len(content) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            whole(path, content)

        files.write = checkpoint.write = write

    def _next(self, name: str) -> bool:
        self.names.append(name)
        self.count += 1
        return self.count - 1 == self.kill_at

    def _watch(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def watched(*args: Any, **options: Any) -> Any:
            if self._next(name):
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **options)

        setattr(owner, name, watched)


def result(run: Path) -> dict[str, Any]:
    """Everything that must not depend on what happened on the way."""
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": (run / "checkpoints/step-00000010/model.safetensors").read_bytes().hex(),
        "spec": (run / "spec.yaml").read_text(),
        "checkpoints": sorted(entry.name for entry in (run / "checkpoints").iterdir()),
        "steps": [record["step"] for record in records if "elbo" in record],
        "picture": (run / "pictures/step-00000010.png").read_bytes().hex(),
    }


def count_operations(folder: Path) -> list[str]:
    """The names of the disk operations of a whole training."""

    def work() -> None:
        disk = Disk(-1)
        train(folder / "count")
        (folder / "operations").write_text("\n".join(disk.names))

    assert forked(work) == 0
    return (folder / "operations").read_text().split("\n")


def at_operation(n: int, run: Path) -> None:
    """Train until the process kills itself at the nth operation."""
    Disk(n)
    train(run)


def at_step(n: int, run: Path) -> None:
    """Train until the process kills itself in the middle of step n."""
    os.environ["TOY_KILL_AT"] = str(n)
    train(run)


def main(folder: Path) -> None:
    """Print {reference, points: {name: {killed, resumed, result}}}."""
    draw_with_toy_figure()
    assert forked(lambda: train(folder / "reference")) == 0
    reference = result(folder / "reference")
    operations = count_operations(folder)
    points: dict[str, Callable[[Path], None]] = {}
    for step in (0, 4, 6, 9):
        points[f"step {step}"] = lambda run, step=step: at_step(step, run)  # type: ignore[misc]
    first = operations.index("rename") + 2  # all of the first checkpoint, then only where folders change names
    for n, name in enumerate(operations):
        if n > first and name not in ("rename", "rmtree", "replace"):
            continue
        points[f"operation {n}: {name}"] = lambda run, n=n: at_operation(n, run)  # type: ignore[misc]
    outcomes = {}
    for i, (name, kill) in enumerate(points.items()):
        run = folder / f"run-{i}"
        killed = forked(lambda: kill(run))  # noqa: B023 (called at once)
        resumed = forked(lambda: train(run))  # noqa: B023 (called at once)
        differing = [key for key, value in result(run).items() if value != reference[key]] if resumed == 0 else ["-"]
        outcomes[name] = {"killed": killed, "resumed": resumed, "differing": differing}
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
