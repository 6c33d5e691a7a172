"""Stochastic gradient descent."""

from collections.abc import Iterable
from typing import Annotated

import torch
from annotated_types import Ge, Lt
from torch import nn

from gnm_core.contracts import Default, Optimizer, Schedule
from gnm_core.errors import OptionError
from gnm_core.parts.optimizers.lean import lean


class SGD(Optimizer):
    """Steps along the negative gradient, with momentum if wanted.

    Args:
        lr: learning rate at each step of the stage.
        parts: dotted prefixes of the parameters that it updates; empty for all that no other optimiser names.
        momentum: share of the last step that is repeated.
        nesterov: look ahead along the momentum.
        weight_decay: L2 penalty.

    Raises:
        OptionError: `nesterov` without momentum.
    """

    def __init__(
        self,
        *,
        lr: Annotated[Schedule, Default("constant", value=1e-2)],
        parts: tuple[str, ...] = (),
        momentum: Annotated[float, Ge(0), Lt(1)] = 0.0,
        nesterov: bool = False,
        weight_decay: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        if nesterov and momentum == 0:
            raise OptionError("nesterov", "needs a momentum above 0")
        self.rate, self.parts = lr, parts
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's SGD over `parameters`."""
        return lean(torch.optim.SGD)(
            parameters,
            self.rate(0),
            self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )
