"""A model, its objectives and optimisers at one step of a training, and the update that leads to the next."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from gnm_core.contracts import Data, Model, Objective, Optimizer
from gnm_core.errors import DataError, RunError
from gnm_core.evaluation_mode import observing
from gnm_core.parts.optimizers.rmsprop import RMSprop
from gnm_core.parts.schedules.constant import Constant
from gnm_core.randomness import seed_from
from gnm_core.results import Loss, Terms
from gnm_core.runs.state import Began, LearnerState, Snapshot, load_strictly, require_fit
from gnm_core.schema import Stage, Training
from gnm_core.training.complete_terms import require_complete
from gnm_core.training.dry_run import dry_run
from gnm_core.training.finite import nonfinite
from gnm_core.training.image_cache import KeptImages
from gnm_core.training.levels import Levelled, check_level, make_inputs
from gnm_core.training.order import Order
from gnm_core.training.plan import Place, Plan
from gnm_core.training.prefetch import Prefetch
from gnm_core.training.ranks import Ranks
from gnm_core.training.resume_state import carry_objectives, carry_optimizers, groups_of, require_usable
from gnm_core.training.selection import select
from gnm_core.training.stage_origins import StageOrigins
from gnm_core.training.switch import inference_weights, refuse_switching, to_inference, to_training
from gnm_core.training.weight_average import WeightAverage

SNAPSHOT_EVERY = 100
"""Steps between two copies of the state in memory, to roll back to."""
MOST_NONFINITE = 3
"""So many steps in a row that are not finite end the training."""
RETURNS = 10
"""So many returns to one and the same copy do, too: it gets nowhere."""

Precision = Literal["float32", "bf16"]


@dataclass(frozen=True)
class Report:
    """What one step was like."""

    step: int
    """The step, from 0."""
    stage: str
    """Name of its stage."""
    values: dict[str, float]
    """Means over the batch: `loss`, `elbo`, `log_likelihood`, `kl.<name>`, `auxiliary.<name>`, the monitored
    numbers by their own names, and `gradient`, the norm before clipping."""
    weights: dict[str, float]
    """The weight of each term."""
    rates: tuple[float, ...]
    """The learning rate of each optimiser."""
    trouble: str | None = None
    """What was not finite and what came of it; None after a good step."""
    waited: float = 0.0
    """Seconds in which there was nothing to do, as the step's images were not made yet."""


class Learner:
    """Makes one update after the other.

    The randomness of a step, and the images it learns from, are pure functions of the seed and the step. A step
    with a term or a gradient that is not finite changes nothing but rolls the state back to the last copy that a
    good step began with; the next step then goes on with the next images.

    Args:
        model: what learns.
        objective: the spec's objective.
        data: what it learns from.
        training: how.
        device: where.
        precision: `bf16` for autocast.
        compiled: compile each part of the model with `torch.compile`.
        ranks: the processes that share each batch.
        announce: told how far the preparation of a stage has come.

    Raises:
        SpecError: a stage names parameters or levels that the model does not have.
        OptionError: an objective weighs a term that a stage's level does not have.
        DataError: the data set is empty.
    """

    def __init__(
        self,
        model: Model,
        objective: Objective,
        data: Data,
        training: Training,
        *,
        device: torch.device | None = None,
        precision: Precision = "float32",
        compiled: bool = False,
        ranks: Ranks | None = None,
        announce: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.ranks = ranks or Ranks()
        self.model, self.data, self.training = model.to(self.device).train(), data, training
        self.plan = Plan(training.schedule())
        self.step = 0
        """Steps made, and the number of the next one."""
        self._precision, self._announce = precision, announce
        own = [stage.objective for stage in self.plan.stages if stage.objective is not None]
        self._objectives = nn.ModuleList([objective, *own]).to(self.device).train()
        self._began = Began(_copy(self._objectives.state_dict()))
        self._order = Order(data, training.seed)
        self._kept = KeptImages(data, announce)
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._stage, self._nonfinite_steps, self._returns = -1, 0, 0
        self._recipes: tuple[Optimizer, ...] = ()
        self._optimizers: list[torch.optim.Optimizer] = []
        self._learning: list[nn.Parameter] = []
        self._names: list[list[str]] = []
        self._prefetch: Prefetch | None = None
        self._good: Snapshot | None = None
        self._average = WeightAverage(0, {})
        self.origins = StageOrigins(model, self.plan, announce)
        for stage in self.plan.stages:
            check_level(model, stage.level)
            select(self._parameters, stage, _recipes(stage))
            self.ranks.slice(stage.batch or 0)
        dry_run(model, self.plan.stages, objective, self._images(np.arange(min(2, len(data)))).to(self.device))
        if compiled:
            for part in model.children():
                part.compile()

    # Steps

    def advance(self, stopped: Callable[[], bool] = lambda: False) -> Report:
        """Make the next step.

        Args:
            stopped: whether to give up while a stage's inputs are being made, which can take minutes.

        Raises:
            UnpreparedError: it gave up; the state is that before the step.
            RunError: the step is not finite and the training is to stop, or it does not fit the GPU's memory.
            DataError: an image cannot be read; the state is that before the step.
        """
        place, begun = self.plan.at(self.step), time.perf_counter()
        if place.index != self._stage:
            self._enter(place)
            begun = time.perf_counter()
        if self._prefetch is None:
            self._prefetch = Prefetch(self._loader(place.stage, stopped), self.step, self.plan.end(place.index))
        inputs = self._prefetch.get().to(self.device, non_blocking=True)
        seed_from(self.training.seed, self.step, self.ranks.rank)
        try:
            report = self._update(place, inputs)
        except torch.cuda.OutOfMemoryError as error:
            raise RunError(
                f"step {self.step}: the GPU's memory is full; make train.batch smaller, or try --precision bf16"
            ) from error
        self.step += 1
        waited = self._prefetch.waited
        self._kept.watch(waited, time.perf_counter() - begun)
        return replace(report, waited=waited)

    def _update(self, place: Place, inputs: Tensor) -> Report:
        rates = tuple(recipe.rate(place.local) for recipe in self._recipes)
        for optimizer, rate in zip(self._optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate
        before = self._snapshot() if place.local % SNAPSHOT_EVERY == 0 else None
        terms, loss = self._loss(place, inputs)
        loss.total.backward()
        self.ranks.average_buffers(self.model)  # running statistics, which the backward pass still reads
        self.ranks.average_gradients(self._learning)
        gradient = nn.utils.clip_grad_norm_(self._learning, place.stage.clip or float("inf"))
        measured = _measure(terms, loss) | {"gradient": gradient}
        # The one moment of a step that waits for the device.
        numbers = self.ranks.average(torch.stack([value.detach().float() for value in measured.values()])).tolist()
        values = dict(zip(measured, numbers, strict=True))
        bad = nonfinite({name: value for name, value in values.items() if name not in terms.monitor})
        if bad:
            trouble = self._strike(bad)
        else:
            trouble, self._nonfinite_steps = None, 0
            if before is not None:
                self._good, self._returns = before, 0
            for optimizer in self._optimizers:
                optimizer.step()
            self._average.update(place.local)
        self._forget_gradients()
        return Report(self.step, place.stage.name or "", values, loss.weights, rates, trouble)

    def _loss(self, place: Place, inputs: Tensor) -> tuple[Terms, Loss]:
        stage, model = place.stage, self.model
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            if stage.level is None:
                terms = model.terms(inputs, self.step)
            else:
                assert isinstance(model, Levelled)
                terms = model.level_terms(stage.level, inputs, self.step)
        require_complete(terms, len(inputs), self.model)
        objective = stage.objective or self._objectives[0]
        loss = objective(terms, place.local if stage.objective else self.step)
        self.ranks.average_buffers(objective)
        return terms, loss

    def _strike(self, bad: list[str]) -> str:
        self._nonfinite_steps += 1
        what = f"step {self.step}: not finite: {', '.join(bad)}"
        if self.training.on_nonfinite == "stop":
            raise RunError(f"{what}; the training stops, as train.on_nonfinite says")
        if self._nonfinite_steps == MOST_NONFINITE:
            raise RunError(
                f"{what}; the {MOST_NONFINITE} steps before the end were all like this, so the training stops"
            )
        self._returns += 1
        if self._returns == RETURNS:
            raise RunError(f"{what}; for the {RETURNS}th time since the last good copy, so the training stops")
        assert self._good is not None
        self._restore(self._good)
        return f"{what}; rolled back to the last good state"

    def _forget_gradients(self) -> None:
        for parameter in self._learning:
            parameter.grad = None

    # Stages

    def _enter(self, place: Place) -> None:
        self.close()
        to_inference(self._optimizers)  # what the last stage has learned, to begin with
        self._average.settle()
        stage = place.stage
        self._recipes = _recipes(stage)
        groups = select(self._parameters, stage, self._recipes)
        self._learning = [parameter for group in groups for parameter in group.values()]
        learning = {name for group in groups for name in group}
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(name in learning)
        self._optimizers = [recipe.build(group.values()) for recipe, group in zip(self._recipes, groups, strict=True)]
        to_training(self._optimizers)
        names = self._named()
        self._names = [[names[p] for group in o.param_groups for p in group["params"]] for o in self._optimizers]
        self._began = replace(self._began, optimizers=[groups_of(optimizer) for optimizer in self._optimizers])
        if self.training.ema:
            refuse_switching(self._optimizers)
        self.origins.enter(place.index)
        self.ranks.copy_first(self.model)
        self._average = WeightAverage(self.training.ema, {name: self._parameters[name] for name in sorted(learning)})
        self._stage, self._nonfinite_steps, self._returns = place.index, 0, 0
        self._good = self._snapshot()

    def _loader(self, stage: Stage, stopped: Callable[[], bool]) -> Callable[[int], Tensor]:
        batch = stage.batch or 0
        share = self.ranks.slice(batch)
        pinned = self.device.type == "cuda"
        made = None
        if stage.level is not None:
            alone = self.ranks.world == 1  # several processes end after the same step, or some would wait for ever
            made = make_inputs(
                self.model, stage.level, self.data, self.device, self._announce, stopped if alone else lambda: False
            )

        def load(step: int) -> Tensor:
            indices = self._order.indices(self.plan.at(step).position, batch)[share]
            inputs = self._images(indices) if made is None else made[torch.from_numpy(indices)]
            return inputs.pin_memory() if pinned else inputs

        return load

    def _images(self, indices: np.ndarray) -> Tensor:
        images, dims = self._kept.batch(indices), self.model.dims
        if images.shape[1:] != (dims.channels, dims.size, dims.size):
            expected = f"{dims.channels} x {dims.size} x {dims.size}"
            raise DataError(
                f"the data set's images are {' x '.join(map(str, images.shape[1:]))}, the model's {expected}"
            )
        return images

    def close(self) -> None:
        """End the thread that prepares the inputs; the next step starts it anew."""
        if self._prefetch is not None:
            self._prefetch.close()
        self._prefetch = None

    # State

    @contextmanager
    def looking(self, seed: int | None = None) -> Iterator[Model]:
        """The model as a user would have it, for a while: its weights, evaluation mode, no gradients, no trace.

        Args:
            seed: what randomness begins from; None to go on from where torch's state is.
        """
        with inference_weights(self._optimizers), self._average.in_use(), observing(self.model, seed):
            yield self.model

    def state(self) -> LearnerState:
        """A copy of the state, for a checkpoint."""
        now, names = self._snapshot(), self._named()
        with inference_weights(self._optimizers) as parameters:
            used = {names[parameter]: parameter.detach().clone() for parameter in parameters}
        used |= self._average.state()
        return LearnerState(
            self.step, self._stage, now, self._good or now, self._nonfinite_steps, self._began, self._returns, used
        )

    def _named(self) -> dict[nn.Parameter, str]:
        return {parameter: name for name, parameter in self._parameters.items()}

    def load(self, state: LearnerState) -> None:
        """Go on from a checkpoint, with the options of this learner's own spec.

        Raises:
            RunError: it does not fit the model, the objective or the optimisers.
        """
        self.close()
        total = self.plan.total  # a stage that has begun may not have made its first step
        possible = {self.plan.at(step).index for step in (state.step - 1, state.step) if 0 <= step < total}
        possible |= {-1} if state.step == 0 else set()
        if state.stage not in possible or not state.nonfinite_steps < MOST_NONFINITE:
            place = f"stage {state.stage + 1} with {state.nonfinite_steps} bad steps in a row"
            raise RunError(f"no training is at {place} at step {state.step}")
        self.step, self._stage = state.step, -1
        begins = state.step >= self.plan.total or self.plan.at(state.step).index != state.stage
        if not begins:
            self._enter(self.plan.at(state.step))
        then = (replace(state.now, averages=state.used), state.good)
        now, good = (self._carried(snapshot, state.began, begins) for snapshot in then)
        for snapshot in (now, good):
            require_fit(self.model, snapshot.model | snapshot.averages, "model")
            require_fit(self._objectives, snapshot.objectives, "objective")
            for recipe, saved in zip(self._recipes, snapshot.optimizers, strict=False):
                require_usable(recipe, saved, [self._parameters[name] for name in saved["names"]])
        if begins:  # at a stage's end: the next one begins with optimisers of its own
            self._load_modules(replace(now, model=now.model | now.averages))
            return
        self._restore(now)
        self._good, self._nonfinite_steps, self._returns = good, state.nonfinite_steps, state.returns

    def _carried(self, snapshot: Snapshot, began: Began | None, begins: bool) -> Snapshot:
        """A checkpoint's snapshot in the terms of this learner's options."""
        objectives = carry_objectives(snapshot.objectives, began, self._began)
        optimizers: list[dict[str, Any]] = []
        if not begins:
            optimizers = carry_optimizers(snapshot.optimizers, began, self._began, self._optimizers, self._names)
        return Snapshot(snapshot.model, objectives, optimizers, snapshot.averages)

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            _copy(self.model.state_dict()),
            _copy(self._objectives.state_dict()),
            [
                {"kind": type(o).__name__, "names": names, "state": copy.deepcopy(o.state_dict())}
                for o, names in zip(self._optimizers, self._names, strict=True)
            ],
            self._average.state(),
        )

    def _restore(self, snapshot: Snapshot) -> None:
        self._load_modules(snapshot)
        for optimizer, saved in zip(self._optimizers, snapshot.optimizers, strict=True):
            optimizer.load_state_dict(copy.deepcopy(saved["state"]))
        self._average.load(snapshot.averages)

    def _load_modules(self, snapshot: Snapshot) -> None:
        load_strictly(self.model, snapshot.model, "model")
        load_strictly(self._objectives, snapshot.objectives, "objective")


def _recipes(stage: Stage) -> tuple[Optimizer, ...]:
    return stage.optimizer or (RMSprop(lr=Constant(value=1e-4)),)


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _measure(terms: Terms, loss: Loss) -> dict[str, Tensor]:
    bound = {"elbo": terms.elbo.mean()} if terms.kl else {}  # without divergences it is the likelihood and no bound
    return {
        "loss": loss.total,
        **bound,
        "log_likelihood": terms.log_likelihood.mean(),
        **{f"kl.{name}": value.mean() for name, value in terms.kl.items()},
        **{f"auxiliary.{name}": value.mean() for name, value in terms.auxiliary.items()},
        **{name: value.float().mean() for name, value in terms.monitor.items()},
    }
