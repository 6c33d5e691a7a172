"""A training that ends in the time that there is: a few steps of each stage are timed, and the plan is shortened."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import torch

from gnm_core.contracts import Data
from gnm_core.errors import RunError
from gnm_core.results import Batch
from gnm_core.schema import Training
from gnm_core.spec.checked import CheckedSpec
from gnm_core.spec.shortened import shortened
from gnm_core.training.device import Settings, choose_device, faster_precision
from gnm_core.training.learner import Learner
from gnm_core.training.plan import Plan
from gnm_core.training.ranks import Ranks

TRIED = 512
"""Images of the trial at most."""
WARM, TIMED = 3, 7
"""Steps of each stage that are made first, and those that are timed."""
SPARE = 0.08
"""Share of the time that is left for pictures, checkpoints, and a machine that slows down."""


@dataclass(frozen=True)
class StageCost:
    """What one stage of a plan takes on this machine."""

    name: str
    steps: int
    step: float
    """Seconds of a step, the median of a few."""
    preparation: float
    """Seconds before the first step: what the levels below make of every image."""

    def seconds(self, share: float) -> float:
        """Of the stage with `share` of its steps."""
        return self.preparation + max(1.0, share * self.steps) * self.step


@dataclass(frozen=True)
class Fit:
    """A plan and the time that there is for it."""

    spec: CheckedSpec
    """With as many steps as there is time for."""
    share: float
    """Of the steps that were planned, in (0, 1]."""
    costs: tuple[StageCost, ...]
    seconds: float
    """That the plan is expected to take."""

    def summary(self) -> str:
        """In words: what a step takes, and how much of the plan there is time for."""
        stages = Plan(self.spec.training().schedule()).stages
        steps = ", ".join(
            f"{cost.name} {stage.steps:,} of {cost.steps:,} steps of {cost.step:.3f} s"
            for cost, stage in zip(self.costs, stages, strict=True)
        )
        whole = "the whole plan" if self.share == 1 else f"{self.share:.0%} of the plan"
        return f"there is time for {whole}, some {self.seconds:.0f} s: {steps}"


def fit(
    spec: CheckedSpec,
    seconds: float,
    settings: Settings,
    announce: Callable[[str], None],
    ranks: Ranks | None = None,
) -> Fit:
    """The same training, shortened in proportion where it would take longer than `seconds` on this machine.

    The trial's own time counts. Nothing of the trial is kept: the training begins with weights of its own. Processes
    that share a training share its trial, and all plan by what the first one measured.

    Args:
        spec: what is to be trained.
        seconds: that there are.
        settings: where and with how many threads.
        announce: told what is going on.
        ranks: the processes that share each batch.

    Raises:
        RunError: there is not even time for a step of every stage.
        SpecError: so short a plan is none, as its schedules have no room.
        DataError: the data cannot be read.
    """
    begun = time.perf_counter()
    announce("timing a few steps of each stage, to see how many there is time for")
    ranks = ranks or Ranks()
    costs = stage_costs(spec, settings, ranks)
    costs, left = ranks.of_first((costs, (seconds - (time.perf_counter() - begun)) * (1 - SPARE)))
    fixed, moving = sum(cost.preparation for cost in costs), sum(cost.steps * cost.step for cost in costs)
    share = min(1.0, (left - fixed) / moving)
    if share * min(cost.steps for cost in costs) < 1:
        raise RunError(
            f"{seconds:g} s are too few for a step of every stage: before their first steps they need "
            f"{fixed:.0f} s, and the whole plan takes {fixed + moving:,.0f} s on this machine"
        )
    if share < 1:
        spec = shortened(spec, share)
    return Fit(spec, share, costs, sum(cost.seconds(share) for cost in costs))


def stage_costs(spec: CheckedSpec, settings: Settings, ranks: Ranks | None = None) -> tuple[StageCost, ...]:
    """What each stage takes on this machine, by a few steps of each; nothing of them is kept.

    Args:
        spec: what is to be trained.
        settings: where and with how many threads.
        ranks: the processes that share each batch; each has times of its own.

    Raises:
        SpecError: the spec does not fit the model.
        DataError: the data cannot be read.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = choose_device(settings.device)
    training, data = spec.training(), spec.data("train")
    costs = []
    for stage in training.schedule():
        alone = replace(Training(seed=training.seed), stages=(replace(stage, steps=WARM + TIMED + 1),))
        learner = Learner(
            spec.model(),
            spec.objective(),
            _First(data, TRIED),
            alone,
            device=device,
            precision=faster_precision(settings.precision, device),
            ranks=ranks,
        )
        with closing(learner):
            first = _seconds(learner)
            times = [_seconds(learner) for _ in range(WARM + TIMED)][WARM:]
        step = median(times)
        preparation = 0.0 if stage.level is None else max(0.0, first - step) * len(data) / min(TRIED, len(data))
        costs.append(StageCost(stage.name or "", stage.steps or 0, step, preparation))
    return tuple(costs)


def _seconds(learner: Learner) -> float:
    begun = time.perf_counter()
    learner.advance()
    return time.perf_counter() - begun


class _First(Data):
    """The first images of a data set, over and over."""

    def __init__(self, data: Data, most: int) -> None:
        self._data, self._length = data, min(most, len(data))
        self.split = data.split

    def __len__(self) -> int:
        return self._length

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        return self._data.batch(indices)

    def at(self, split: str) -> Data:
        return _First(self._data.at(split), self._length)
