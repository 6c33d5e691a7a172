"""RMSprop."""

from collections.abc import Callable, Iterable
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import nn

from gnm_core import kernels
from gnm_core.contracts import Default, Optimizer, Schedule
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
        """torch's RMSprop over `parameters`; where there is a kernel, its step is one pass over memory."""
        return OnePassRMSprop(parameters, self.rate(0), self.alpha, self.eps, self.weight_decay, self.momentum)


class OnePassRMSprop(lean(torch.optim.RMSprop)):  # type: ignore[misc]
    """torch's RMSprop with the same state, whose step a kernel may make."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """As torch's."""
        self._make_room()
        if closure is None and kernels.run("rmsprop-step", self):
            return None
        loss: float | None = super().step(closure)
        return loss

    def _make_room(self) -> None:
        """Momentum that a resumed training asks for anew begins from rest, which torch's own does not foresee."""
        for group in self.param_groups:
            if group["momentum"]:
                for parameter in group["params"]:
                    state = self.state.get(parameter)
                    if state and "momentum_buffer" not in state:
                        state["momentum_buffer"] = torch.zeros_like(state["square_avg"])


OnePassRMSprop.__name__ = torch.optim.RMSprop.__name__  # what checkpoints call it
