"""RMSprop's step by `csrc/rmsprop.c`: one pass over memory instead of five."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from gnm_core.native.call import LAYERS


def rmsprop_step(optimizer: torch.optim.RMSprop) -> bool | None:
    """Update all parameters; None, and nothing done, where they are not dense float32 or more is asked for."""
    if not all(map(_is_plain, optimizer.param_groups)):
        return None
    learning = [(group, p) for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not all(_is_dense(p, p.grad, optimizer.state[p].get("square_avg", p)) for _, p in learning):
        return None
    for group, parameter in learning:
        state = optimizer.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device="cpu")
            state["square_avg"] = torch.zeros_like(parameter)
        state["step"] += 1
        _update(parameter, parameter.grad, state["square_avg"], group["lr"], group["alpha"], group["eps"])
    return True


def _is_plain(group: dict[str, Any]) -> bool:
    """Whether nothing is asked for but the division by the root mean square."""
    extras = ("momentum", "weight_decay", "centered", "maximize", "differentiable", "capturable")
    return isinstance(group["lr"], float) and not any(group[name] for name in extras)


def _is_dense(*tensors: Tensor) -> bool:
    alike = all(x.dtype == torch.float32 and x.shape == tensors[0].shape for x in tensors)
    dense = all(x.layout == torch.strided and x.is_contiguous() for x in tensors)
    return alike and dense and LAYERS.can_take(*tensors)


def _update(value: Tensor, gradient: Tensor, mean_square: Tensor, rate: float, alpha: float, epsilon: float) -> None:
    numbers = (float(rate), float(alpha), float(epsilon))
    LAYERS.call("rmsprop_step", value, gradient, mean_square, value.numel(), *numbers)
    increment_version([value, mean_square])  # or a graph that needs the old values would not notice
