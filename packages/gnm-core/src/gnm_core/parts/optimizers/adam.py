"""Adam."""

from collections.abc import Iterable
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import nn

from gnm_core.contracts import Default, Optimizer, Schedule
from gnm_core.parts.optimizers.lean import lean


class Adam(Optimizer):
    """Adaptive moments. D. P. Kingma and J. Ba, 2015, arXiv:1412.6980.

    Args:
        lr: learning rate at each step of the stage.
        parts: dotted prefixes of the parameters that it updates; empty for all that no other optimiser names.
        beta1: share of the past in the first moment.
        beta2: share of the past in the second moment.
        eps: added to the root of the second moment.
        weight_decay: L2 penalty.
    """

    def __init__(
        self,
        *,
        lr: Annotated[Schedule, Default("constant", value=1e-3)],
        parts: tuple[str, ...] = (),
        beta1: Annotated[float, Ge(0), Lt(1)] = 0.9,
        beta2: Annotated[float, Ge(0), Lt(1)] = 0.999,
        eps: Annotated[float, Gt(0)] = 1e-8,
        weight_decay: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.rate, self.parts = lr, parts
        self.betas, self.eps, self.weight_decay = (beta1, beta2), eps, weight_decay

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's Adam over `parameters`, its fused kernel."""
        return lean(torch.optim.Adam)(parameters, self.rate(0), self.betas, self.eps, self.weight_decay, fused=True)
