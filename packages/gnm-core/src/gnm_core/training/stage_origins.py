"""Weights of other models that stages begin with: read before the first step, taken over when their stage begins."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from gnm_core.training.initial_weights import Origin, begin_from, fitting, origin_of, write_origin
from gnm_core.training.plan import Plan


class StageOrigins:
    """What the stages of one training begin with, where they name a run or a model.

    Args:
        model: what is trained.
        plan: its stages.
        announce: shows a text.
    """

    def __init__(self, model: nn.Module, plan: Plan, announce: Callable[[str], None]) -> None:
        self._model, self._plan, self._announce = model, plan, announce
        self._folder: Path | None = None
        self._origins: dict[int, Origin] = {}

    def fetch(self, step: int, folder: Path | None) -> None:
        """Read the weights of the stages that begin at `step` or later: what does not fit is told before any step.

        Args:
            step: of the training.
            folder: of the run, where each beginning is noted; None to note nothing.

        Raises:
            RunError: there are no such weights, or none that fit.
            SpecError: `only` names nothing in the model.
        """
        self._folder = folder
        for index, stage in enumerate(self._plan.stages):
            if stage.from_ is not None and self._plan.end(index - 1) >= step:
                origin, _ = origin_of(stage.from_, stage.only)
                fitting(self._model, origin, f"train.stages.{index}.only")
                self._origins[index] = origin

    def enter(self, index: int) -> None:
        """A stage begins: the model takes over what it is to begin with, if anything.

        Raises:
            RunError: it cannot be noted.
        """
        origin = self._origins.pop(index, None)
        if origin is None:
            return
        taken = begin_from(self._model, origin)
        self._announce(taken.summary(origin))
        if self._folder is not None:
            write_origin(self._folder, origin, taken, index)
