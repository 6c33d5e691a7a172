"""Schedules, curricula, objectives and optimisers that are wrong in one way each."""

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from gnm_core import Curriculum, CurriculumState, Default, InSteps, Loss, Objective, Optimizer, Schedule, Terms
from torch import nn


class WrongSchedule(Schedule):
    """Halves every thousand steps, unless told otherwise."""

    def __init__(self, *, fault: str = "") -> None:
        self.fault, self.value = fault, 1.0

    def __call__(self, step: int) -> float:
        if self.fault == "remembers":
            self.value *= 0.9
            return self.value
        if self.fault == "a tensor":
            return torch.tensor(0.5)  # type: ignore[return-value]
        return float("inf") if self.fault == "infinite" and step > 10**6 else 0.5 ** min(step / 1000, 100.0)


class WrongWarmUp(Schedule):
    """Rises to 1 in so many steps, unless told otherwise."""

    def __init__(self, *, warm_up: Annotated[int, Ge(2), InSteps()] = 100, fault: str = "") -> None:
        self.warm_up, self.fault = warm_up, fault

    def __call__(self, step: int) -> float:
        match self.fault:
            case "one step early":
                return min((step + 1) / self.warm_up, 1.0)
            case "one step short":
                return min(step / (self.warm_up - 1), 1.0)
            case "its own length":
                return min(step / 100, 1.0)
        return min(step / self.warm_up, 1.0)


class WrongDecay(Schedule):
    """Halves every so many steps, by an option that says so or by one that does not."""

    def __init__(
        self,
        *,
        value: float = 1.0,
        half_life: Annotated[float, Gt(0), InSteps()] = 1000.0,
        third_life: Annotated[float, Gt(0)] = 1000.0,
        fault: str = "",
    ) -> None:
        self.value, self.half_life, self.third_life, self.fault = value, half_life, third_life, fault

    def __call__(self, step: int) -> float:
        if self.fault == "unmarked":
            return float(self.value * 3 ** -min(step / self.third_life, 100.0))
        return float(self.value * 2 ** -min(step / self.half_life, 100.0))


WARM_UP_FAULTS = dict.fromkeys(
    ("one step early", "one step short", "its own length"), "twice-the-steps-take-twice-as-long"
)
DECAY_FAULTS = {"unmarked": "what-counts-steps-is-marked"}

SCHEDULE_FAULTS = {
    "remembers": "a-function-of-the-step",
    "a tensor": "a-finite-number-at-every-step",
    "infinite": "a-finite-number-at-every-step",
}


class WrongCurriculum(Curriculum):
    """Opaque boxes for a while, unless told otherwise."""

    def __init__(self, *, fault: str = "") -> None:
        self.fault, self.calls = fault, 0

    def at(self, step: int) -> CurriculumState:
        self.calls += 1
        if self.fault == "remembers":
            step = 100 * self.calls
        value = 1.5 if self.fault == "out of range" else 0.9
        return CurriculumState(box_mask=value if step < 500 or self.fault == "no end" else None)


CURRICULUM_FAULTS = {
    "remembers": "a-function-of-the-step",
    "out of range": "states-in-range",
    "no end": "it-comes-to-an-end",
}


class WrongOpening(Curriculum):
    """Opaque boxes until step `until`, unless told otherwise."""

    def __init__(self, *, until: Annotated[int, Ge(1), InSteps()] = 500, fault: str = "") -> None:
        self.until, self.fault = until, fault

    def at(self, step: int) -> CurriculumState:
        opaque = step <= self.until if self.fault == "one step longer" else step < self.until
        return CurriculumState(box_mask=0.9 if opaque else None)


OPENING_FAULTS = {"one step longer": "twice-the-steps-take-twice-as-long"}


class WrongObjective(Objective):
    """The ELBO, unless told otherwise."""

    def __init__(self, *, fault: str = "") -> None:
        super().__init__()
        self.fault, self.calls = fault, 0

    def forward(self, terms: Terms, step: int) -> Loss:
        self.calls += 1
        error, divergence = -terms.log_likelihood, sum(value for value in terms.kl.values())
        weight = 0.5 if self.fault == "other weights" else 1.0
        match self.fault:
            case "a sum":
                total = (error + divergence).sum()
            case "wrong sign":
                total = (divergence - error).mean()
            case "counts":
                total = (error + divergence).mean() + self.calls
            case "changes the terms":
                terms.kl["scene"].data.mul_(2)
                total = (error + divergence).mean()
            case "no scalar":
                total = error + divergence
            case "by the batch's spread":
                total = (error / error.detach().std(correction=0).clamp(min=1e-3) + divergence).mean()
            case "knows one model":
                total = (error + terms.kl["scene"] + divergence - terms.kl["scene"]).mean()
            case _:
                total = (error + weight * divergence).mean()
        return Loss(total, {f"kl.{name}": 1.0 for name in terms.kl})


OBJECTIVE_FAULTS = {
    "a sum": "a-mean-over-the-batch",
    "wrong sign": "a-better-picture-costs-less",
    "counts": "the-same-again-in-evaluation",
    "changes the terms": "terms-stay-as-they-are",
    "no scalar": "a-loss-at-every-step",
    "other weights": "the-weights-told-are-the-weights",
    "by the batch's spread": "a-mean-over-the-batch",
    "knows one model": "it-takes-the-terms-that-there-are",
}


class Heavy(torch.optim.Optimizer):
    """Momentum, kept where no state finds it, unless told otherwise."""

    def __init__(self, parameters: Any, lr: float, fault: str) -> None:
        super().__init__(parameters, {"lr": lr})
        self.fault, self.speed, self.rate = fault, {}, lr

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            rate = self.rate if self.fault == "own rate" else group["lr"]
            for parameter in group["params"]:
                if parameter.grad is None and self.fault != "trips over the frozen":
                    continue
                store = self.speed if self.fault == "forgets" else self.state[parameter]
                key = parameter if self.fault == "forgets" else "speed"
                store[key] = 0.5 * store.get(key, torch.zeros_like(parameter)) + parameter.grad
                parameter.sub_(store[key], alpha=-rate if self.fault == "uphill" else rate)


class Switched(Heavy):
    """With a switch between the weights to train and those to use, which are half as large, unless told otherwise."""

    training = True

    def train(self) -> None:
        self._move(True, 1.5 if self.fault == "does not lead back" else 2.0)

    def eval(self) -> None:
        self._move(False, 0.5)

    @torch.no_grad()
    def _move(self, training: bool, factor: float) -> None:
        if self.training != training or self.fault == "moves twice":
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(factor)
                    if self.fault == "changes its state":
                        self.state[parameter]["speed"] = torch.zeros_like(parameter)
        self.training = training


class WrongOptimizer(Optimizer):
    """Right unless told otherwise."""

    def __init__(self, *, lr: Annotated[Schedule, Default("constant", value=0.01)], fault: str = "") -> None:
        self.rate, self.fault, self.parts = lr, fault, ()

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        given = list(parameters)
        if self.fault in ("does not lead back", "moves twice", "changes its state"):
            return Switched(given, self.rate(0), self.fault)
        return Heavy(given[1:] if self.fault == "misses one" else given, self.rate(0), self.fault)


OPTIMIZER_FAULTS = {
    "forgets": "it-goes-on-from-its-state",
    "own rate": "it-obeys-the-rate",
    "uphill": "it-goes-downhill",
    **dict.fromkeys(("does not lead back", "moves twice", "changes its state"), "its-switch-changes-weights-alone"),
    "misses one": "it-takes-every-parameter",
    "trips over the frozen": "a-parameter-without-gradient-stays",
}
"""Each fault, and the law that it breaks."""
