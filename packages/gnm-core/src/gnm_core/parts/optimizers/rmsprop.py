"""RMSprop."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gnm_core.contracts import Default, Optimizer, Schedule
from gnm_core.native.call import LAYERS
from gnm_core.native.rmsprop import step
from gnm_core.parts.optimizers.lean import lean


class RMSprop(Optimizer):
    """Gradients divided by a moving root mean square of themselves; the source document's optimiser.

    Args:
        lr: learning rate at each step of the stage.
        parts: dotted prefixes of the parameters that it updates; empty for all that no other optimiser names.
        alpha: share of the past in the moving mean square.
        eps: added to the root.
        momentum: share of the last update that is repeated.
        weight_decay: L2 penalty.
    """

    def __init__(
        self,
        *,
        lr: Annotated[Schedule, Default("constant", value=1e-4)],
        parts: tuple[str, ...] = (),
        alpha: Annotated[float, Ge(0), Lt(1)] = 0.99,
        eps: Annotated[float, Gt(0)] = 1e-8,
        momentum: Annotated[float, Ge(0), Lt(1)] = 0.0,
        weight_decay: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.rate, self.parts = lr, parts
        self.alpha, self.eps, self.momentum, self.weight_decay = alpha, eps, momentum, weight_decay

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's RMSprop over `parameters`; on a processor its step is one pass over memory instead of five."""
        return OnePassRMSprop(parameters, self.rate(0), self.alpha, self.eps, self.weight_decay, self.momentum)


class OnePassRMSprop(lean(torch.optim.RMSprop)):  # type: ignore[misc]
    """torch's RMSprop, with the same state; the plain one of dense float32 parameters is computed in C."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """As torch's; only without a closure may it be in C."""
        self._make_room()
        if closure is not None or not all(map(_is_plain, self.param_groups)):
            loss: float | None = super().step(closure)
            return loss
        learning = [(group, p) for group in self.param_groups for p in group["params"] if p.grad is not None]
        if not all(_is_dense(p, p.grad, self.state[p].get("square_avg", p)) for _, p in learning):
            return super().step()  # type: ignore[no-any-return]
        for group, parameter in learning:
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), device="cpu")
                state["square_avg"] = torch.zeros_like(parameter)
            state["step"] += 1
            how = {"rate": group["lr"], "alpha": group["alpha"], "epsilon": group["eps"]}
            step(parameter, parameter.grad, state["square_avg"], **how)
        return None

    def _make_room(self) -> None:
        """Momentum that a resumed training asks for anew begins from rest, which torch's own does not foresee."""
        for group in self.param_groups:
            if group["momentum"]:
                for parameter in group["params"]:
                    state = self.state.get(parameter)
                    if state and "momentum_buffer" not in state:
                        state["momentum_buffer"] = torch.zeros_like(state["square_avg"])


OnePassRMSprop.__name__ = torch.optim.RMSprop.__name__  # what checkpoints call it


def _is_plain(group: dict[str, Any]) -> bool:
    """Whether nothing is asked for but the division by the root mean square."""
    extras = ("momentum", "weight_decay", "centered", "maximize", "differentiable", "capturable")
    return isinstance(group["lr"], float) and not any(group[name] for name in extras)


def _is_dense(*tensors: Tensor) -> bool:
    alike = all(x.dtype == torch.float32 and x.shape == tensors[0].shape for x in tensors)
    dense = all(x.layout == torch.strided and x.is_contiguous() for x in tensors)
    return alike and dense and LAYERS.can_take(*tensors)
