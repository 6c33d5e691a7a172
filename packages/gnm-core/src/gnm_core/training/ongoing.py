"""A training that is at work, as hooks and callbacks see it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import torch

from gnm_core.contracts import Data, Model
from gnm_core.spec.checked import CheckedSpec
from gnm_core.training.learner import Learner


class OngoingTraining:
    """A training that is at work. What hooks do to the model itself, such as new weights, the next step goes on from.

    Args:
        spec: the run's.
        folder: the run's.
        learner: makes the steps.
        say: shows a line to whoever watches.
    """

    def __init__(self, spec: CheckedSpec, folder: Path, learner: Learner, say: Callable[[str], None]) -> None:
        self.spec, self.folder = spec, folder
        self._learner, self._say, self._stdout = learner, say, sys.stdout
        self.stop_reason: str | None = None
        """Why a hook asked for the end; None while nobody did."""

    @property
    def model(self) -> Model:
        """The model, in training mode; to look at it, `looking()`."""
        return self._learner.model

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._learner.device

    @property
    def data(self) -> Data:
        """What it learns from."""
        return self._learner.data

    @property
    def step(self) -> int:
        """Steps made."""
        return self._learner.step

    @property
    def total(self) -> int:
        """Steps that the spec asks for."""
        return self._learner.plan.total

    @property
    def stage(self) -> str:
        """Name of the stage of the last step made; of the first stage before any."""
        return self._learner.plan.at(max(self.step - 1, 0)).stage.name or ""

    @contextmanager
    def looking(self, seed: int | None = None) -> Iterator[Model]:
        """The model as a user would have it, for a while: evaluation mode, no gradients, no trace left behind.

        Args:
            seed: what randomness begins from; None to go on from where torch's state is.
        """
        with self._learner.looking(seed) as model:
            yield model

    def say(self, text: str) -> None:
        """Show a line to whoever watches; what a hook prints goes to stderr."""
        with redirect_stdout(self._stdout):
            self._say(text)

    def stop(self, reason: str) -> None:
        """End the training after this step, saved; `gnm train --resume` goes on with it.

        Args:
            reason: why, in a line.
        """
        self.stop_reason = self.stop_reason or reason
