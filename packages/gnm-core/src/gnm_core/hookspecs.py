"""The hooks that a plugin implements: one to register, the others to be told how a training goes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from gnm_core.registry import Register
    from gnm_core.training.learner import Report
    from gnm_core.training.ongoing import OngoingTraining
    from gnm_core.training.outcome import Outcome

GROUP = "gnm"
"""Entry-point group and pluggy project name."""

API_VERSION = 1
"""Grows when a plugin written for the old API would break; a plugin may state `GNM_API = n`, the least it needs."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def gnm_register(register: "Register") -> None:
    """Add parts, commands and kernels to `register`; called once for each plugin."""


@hookspec
def gnm_training_started(training: "OngoingTraining") -> None:
    """A training begins, or goes on, at `training.step`."""


@hookspec
def gnm_training_step(training: "OngoingTraining", report: "Report") -> None:
    """A step is made; `report.step` is its number, and its numbers are on the CPU already."""


@hookspec
def gnm_training_record(training: "OngoingTraining", record: dict[str, Any]) -> None:
    """A line was added to the run's `metrics.jsonl`: means over the steps since the last, as it has them."""


@hookspec
def gnm_training_checkpoint(training: "OngoingTraining", checkpoint: Path) -> None:
    """A checkpoint stands whole in this folder."""


@hookspec
def gnm_training_stage(training: "OngoingTraining", stage: str) -> None:
    """The last step of the stage of this name is made; the next one begins with optimisers of its own."""


@hookspec
def gnm_training_ended(training: "OngoingTraining", outcome: "Outcome | None", error: BaseException | None) -> None:
    """The training is over for now: with its `outcome`, or, where it failed, with the `error`."""


TRAINING_HOOKS = tuple(name for name in globals() if name.startswith("gnm_training_"))
"""The hooks that a training calls."""
