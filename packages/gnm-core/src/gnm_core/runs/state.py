"""All that a training needs to go on as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from gnm_core.errors import RunError

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


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Take over every tensor, or none.

    Raises:
        RunError: a tensor is missing, is one too many or has another shape; all are named.
    """
    expected = module.state_dict()
    problems = [f"missing: {name}" for name in expected if name not in tensors]
    problems += [f"not in the {what}: {name}" for name in tensors if name not in expected]
    problems += [
        f"{name}: shape {tuple(tensor.shape)}, expected {tuple(expected[name].shape)}"
        for name, tensor in tensors.items()
        if name in expected and tensor.shape != expected[name].shape
    ]
    if problems:
        shown = problems[:20] + ([f"and {len(problems) - 20} more"] if len(problems) > 20 else [])
        raise RunError(f"the weights do not fit the {what}:\n  " + "\n  ".join(shown))
    module.load_state_dict(tensors)
