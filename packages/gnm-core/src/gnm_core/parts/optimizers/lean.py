"""torch's optimisers without torch's compiler, which they import only to say that it shall leave them alone."""

from inspect import unwrap
from typing import TypeVar

import torch

Optimizer = TypeVar("Optimizer", bound=torch.optim.Optimizer)
_GUARDED = ("zero_grad", "add_param_group", "state_dict", "load_state_dict")


def lean(kind: type[Optimizer]) -> type[Optimizer]:
    """The same optimiser, whose methods do not import `torch._dynamo`: 2 s and 150 MB where nothing is compiled.

    Its steps are the same bits; `torch.compile` may compile models beside it, not its step.

    Args:
        kind: an optimiser of torch's.
    """
    methods = {name: unwrap(getattr(kind, name)) for name in _GUARDED}
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(unwrap(kind.step))})
