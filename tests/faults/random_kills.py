"""Kills trainings, builds and evaluations with SIGKILL at random moments; run by `test_random_kills`.

    python tests/faults/random_kills.py FOLDER KILLS [SEED]

Every work is repeated, killed and gone on with until it is finished, then begun anew elsewhere, until it has been
killed so many times; what it leaves must be, byte for byte, what a work leaves that nobody killed. Each process is a
fork of this one, so that torch is imported once; this one itself touches no data.
"""

import itertools
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "core/training"), str(HERE.parent / "data/storage")]

import kills  # noqa: E402
import storage_kills  # noqa: E402
import torch  # noqa: E402
from gnm_core.evaluation.choice import choose  # noqa: E402
from gnm_core.evaluation.evaluation import load_evaluation  # noqa: E402
from gnm_core.evaluation.evaluator import evaluate  # noqa: E402
from gnm_core.evaluation.setup import Settings, begin, context_of  # noqa: E402
from gnm_core.runs.checkpoint import load_run  # noqa: E402


@dataclass(frozen=True)
class Work:
    """Something that a user starts, and starts again after it was killed."""

    name: str
    do: Callable[[Path], object]
    left: Callable[[Path], Any]
    """What it leaves behind, as far as that must be the same."""
    share: float
    """Part of all kills."""


def measure(folder: Path) -> None:
    """Evaluate the run beside `folder`, as `gnm evaluate` does."""
    run, settings = load_run(folder.parent / "measured"), Settings(limit=20)
    names = ("reconstruction", "ll", "speed")
    choices = choose(names, ["metrics.ll.particles=4", "metrics.ll.n=20", "metrics.speed.rounds=2"])
    evaluate(begin(run, Path("measured"), settings), context_of(run, settings), choices, folder, settings)


def measured(folder: Path) -> Any:
    """The numbers; `speed` and the seconds measure time."""
    found = load_evaluation(folder).metrics
    return {name: outcome.values for name, outcome in found.items() if name != "speed"}, sorted(found)


def stored(folder: Path) -> Any:
    """Every file, and what `gnm data verify` finds wrong with it."""
    return storage_kills.content(folder), storage_kills.verify(folder)


WORKS = (
    Work("train", kills.train, kills.result, 0.5),
    Work(
        "data build",
        storage_kills.make,
        lambda folder: (storage_kills.content(folder), storage_kills.verify(folder)),
        0.3,
    ),
    Work("evaluate", measure, measured, 0.2),
)


def begun(work: Callable[[], object]) -> int:
    """Process number of a fork that does the work; it ends with 1, and its traceback on stderr, where that fails."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def ended(child: int) -> int:
    """Its exit status; minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_often(work: Work, folder: Path, times: int, dice: random.Random) -> dict[str, int]:
    """Kill a work so many times; how often it was killed, and how many finished works differed from the first.

    Raises:
        RuntimeError: a work could not go on.
    """
    start = time.monotonic()
    if ended(begun(lambda: work.do(folder / "whole"))):
        raise RuntimeError(f"{work.name}: fails by itself")
    whole, most = work.left(folder / "whole"), time.monotonic() - start
    killed = finished = differing = 0
    while killed < times:
        place = folder / f"killed-{finished}"
        for patience in itertools.count(1):
            child = begun(lambda: work.do(place))  # noqa: B023 (called at once)
            if killed < times:
                time.sleep(dice.uniform(0, 1.2 * most))  # some end before they are killed
                os.kill(child, signal.SIGKILL)
            status = ended(child)
            killed += status == -signal.SIGKILL
            if status == 0:
                break
            if status != -signal.SIGKILL:
                raise RuntimeError(f"{work.name}: cannot go on after kill {killed} (process {patience} of {place})")
        differing += work.left(place) != whole
        finished += 1
    return {"killed": killed, "finished": finished, "differing": differing}


def main(folder: Path, times: int, seed: int = 0) -> None:
    """Print what came out of each work, as JSON."""
    dice, outcomes = random.Random(seed), {}
    kills.draw_with_toy_figure()
    for work in WORKS:
        place = folder / work.name.replace(" ", "-")
        place.mkdir(parents=True)
        if work.do is measure:
            (place / "measured").symlink_to(folder / "train/whole")
        outcomes[work.name] = kill_often(work, place, round(times * work.share), dice)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
