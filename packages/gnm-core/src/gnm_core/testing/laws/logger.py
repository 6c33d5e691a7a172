"""Laws of loggers: they are told, go on, and close, and leave the training alone."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from gnm_core.contracts import Logger
from gnm_core.testing.bench import Bench
from gnm_core.testing.law import law
from gnm_core.testing.require import require

SPEC = {"dims": {"size": 8}, "model": {"use": "toy", "sigma": 0.2}, "train": {"steps": 9, "stages": []}}


def _told(logger: Logger, run: Path, step: int) -> None:
    """All that a training tells, from `step` on."""
    logger.open(run, step, SPEC)
    for made in (step + 1, step + 2):
        logger.numbers(made, {"elbo": -1.5, "kl.scene": 0.0, "weights.kl.scene": 1.0, "AP@0.5 (11-point)": 0.25})
    logger.picture(step + 2, np.zeros((4, 6, 3), np.uint8))
    logger.numbers(step + 2, {})
    logger.close()


@law(Logger)
def it_takes_a_training_and_one_that_goes_on(bench: Bench) -> None:
    """Numbers, none, and a picture; then the same run again from an earlier step; the constructor opens nothing."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        run.mkdir()
        unused = bench.build()
        require(not list(run.iterdir()), f"{type(unused).__name__} writes before it is opened")
        _told(bench.build(), run, 0)
        _told(bench.build(), run, 1)


@law(Logger)
def it_keeps_nothing_of_the_picture(bench: Bench) -> None:
    """A picture is as it was afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        logger = bench.build()
        logger.open(Path(folder), 0, SPEC)
        pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
        before = pixels.copy()
        logger.picture(1, pixels)
        logger.close()
        require(bool((pixels == before).all()), "a picture that it was shown is another afterwards")


@law(Logger)
def it_draws_nothing_from_torch(bench: Bench) -> None:
    """What a training draws next does not depend on it."""
    with tempfile.TemporaryDirectory() as folder:
        logger = bench.build()
        state = torch.get_rng_state()
        _told(logger, Path(folder), 0)
        require(torch.equal(state, torch.get_rng_state()), "it draws from torch's random state")
