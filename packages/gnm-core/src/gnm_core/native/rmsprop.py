"""RMSprop's step by `csrc/rmsprop.c`: one pass over memory instead of five."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from gnm_core.native.call import LAYERS, addresses
from gnm_core.native.operators import OPERATORS


def rmsprop_step(optimizer: torch.optim.RMSprop) -> bool | None:
    """Update all parameters; None, and nothing done, where they are not dense float32 or more is asked for."""
    if not all(map(_is_plain, optimizer.param_groups)):
        return None
    learning = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not all(_is_dense(p, p.grad, optimizer.state[p].get("square_avg", p)) for p in learning):
        return None
    for parameter in learning:
        if not optimizer.state[parameter]:
            optimizer.state[parameter]["step"] = torch.zeros((), device="cpu")
            optimizer.state[parameter]["square_avg"] = torch.zeros_like(parameter)
    for group in optimizer.param_groups:
        values = [p for p in group["params"] if p.grad is not None]
        for state in (optimizer.state[p] for p in values):
            state["step"] += 1
        means = [optimizer.state[p]["square_avg"] for p in values]
        how = (float(group["lr"]), float(group["alpha"]), float(group["eps"]))
        _update(values, [p.grad for p in values], means, *how)
    return True


def _is_plain(group: dict[str, Any]) -> bool:
    """Whether nothing is asked for but the division by the root mean square."""
    extras = ("momentum", "weight_decay", "centered", "maximize", "differentiable", "capturable")
    return isinstance(group["lr"], float) and not any(group[name] for name in extras)


def _is_dense(*tensors: Tensor) -> bool:
    alike = all(x.dtype == torch.float32 and x.shape == tensors[0].shape for x in tensors)
    dense = all(x.layout == torch.strided and x.is_contiguous() for x in tensors)
    return alike and dense and LAYERS.can_take(*tensors)


def _step(
    values: list[Tensor], gradients: list[Tensor], means: list[Tensor], rate: float, alpha: float, epsilon: float
) -> None:
    where = (addresses(values), addresses(gradients), addresses(means))
    counts = torch.tensor([value.numel() for value in values], dtype=torch.int64, device="cpu")
    LAYERS.call("rmsprop_steps", *where, counts, len(values), rate, alpha, epsilon)
    increment_version([*values, *means])  # or a graph that needs the old values would not notice


def _fake(*given: Any) -> None:
    return None


_update = OPERATORS.define(
    "rmsprop_step(Tensor(a!)[] values, Tensor[] gradients, Tensor(b!)[] means, float rate, float alpha, float epsilon)"
    " -> ()",
    _step,
    _fake,
)
