"""All that a training needs to go on as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from gnm_core.errors import RunError
from gnm_core.printable import short
from gnm_core.tensors import kind_of

Group = dict[str, Any]
"""A parameter group of an optimiser, without the parameters."""


@dataclass(frozen=True)
class Began:
    """What objectives and optimisers begin with, as their options say."""

    objectives: dict[str, Tensor] = field(default_factory=dict)
    optimizers: list[list[Group]] = field(default_factory=list)
    """The parameter groups of each optimiser, without the parameters."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that a step changes: tensors of their own, which later steps leave alone."""

    model: dict[str, Tensor]
    objectives: dict[str, Tensor]
    optimizers: list[dict[str, Any]]
    """Of each optimiser, its class (`kind`), the `names` of its parameters and its `state`."""
    averages: dict[str, Tensor] = field(default_factory=dict)
    """The running average of each parameter that has one (`train.ema`), by name."""


@dataclass(frozen=True)
class LearnerState:
    """All that a training needs to go on as if it had never stopped."""

    step: int
    """Steps made."""
    stage: int
    """Stage of the last of them, from 0; -1 before the first."""
    now: Snapshot
    good: Snapshot
    """What a step that is not finite rolls back to."""
    nonfinite_steps: int = 0
    """Steps in a row, up to now, that were not finite."""
    began: Began | None = None
    """What objectives and optimisers began with; None where nobody noted it."""
    returns: int = 0
    """How often `good` has been rolled back to."""
    used: dict[str, Tensor] = field(default_factory=dict)
    """The weights to use the model with, of the parameters that are trained with others (see `training.switch`)."""


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Take over every tensor, or none.

    Raises:
        RunError: they do not fit.
    """
    require_fit(module, tensors, what)
    module.load_state_dict(tensors)


def require_fit(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """See that tensors are those of a module.

    Raises:
        RunError: one is missing, is one too many, has another shape or numbers of another kind; all are named.
    """
    expected = module.state_dict()
    problems = [f"missing: {short(name)}" for name in expected if name not in tensors]
    problems += [f"not in the {what}: {short(name)}" for name in tensors if name not in expected]
    for name, tensor in tensors.items():
        model = expected.get(name, tensor)
        if tensor.shape != model.shape:
            problems.append(f"{name}: shape {tuple(tensor.shape)}, expected {tuple(model.shape)}")
        elif tensor.dtype != model.dtype:
            problems.append(f"{name}: {kind_of(tensor)}, expected {kind_of(model)}")
    if problems:
        shown = problems[:20] + ([f"and {len(problems) - 20} more"] if len(problems) > 20 else [])
        raise RunError(f"the weights do not fit the {what}:\n  " + "\n  ".join(shown))
