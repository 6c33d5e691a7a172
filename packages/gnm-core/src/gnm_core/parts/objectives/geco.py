"""Constrained optimisation: as good a reconstruction as asked for, with the least divergence."""

import math
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from gnm_core.contracts import Objective, Schedule
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.parts.objectives.elbo import check_signs, named, weigh, weighted_sum
from gnm_core.results import Loss, Terms


class GECO(Objective):
    """loss = error + beta * sum_k w_k KL_k + sum_a w_a auxiliary_a, error = mean of -log p(x | z).

    beta falls while the moving average of the error is above the goal and rises while it is below:
    log beta += rate * (goal - average), with error and goal in nats per pixel and channel.
    D. J. Rezende and F. Viola, *Taming VAEs*, 2018, arXiv:1810.00597, in the form of GENESIS (arXiv:1907.13052).

    beta and the average are buffers, saved with the run; they move in training mode only.

    Args:
        goal: error that is good enough, in nats per pixel and channel.
        beta: weight of the divergences at the start.
        lowest: least weight.
        highest: greatest weight.
        rate: how fast beta follows the error.
        momentum: share of the past in the moving average.
        weights: schedule of each named divergence's own weight, multiplied with beta; 1 where not given.
        auxiliary: schedule of each named regulariser's weight; 1 where not given.

    Raises:
        OptionError: the bounds of beta are not in order, or a weight begins or ends below 0.
    """

    log_beta: Tensor
    average: Tensor
    updates: Tensor

    def __init__(
        self,
        dims: Dims,
        *,
        goal: float,
        beta: Annotated[float, Gt(0)] = 1.0,
        lowest: Annotated[float, Gt(0)] = 1e-10,
        highest: Annotated[float, Gt(0)] = 1e10,
        rate: Annotated[float, Gt(0)] = 1e-5,
        momentum: Annotated[float, Ge(0), Lt(1)] = 0.99,
        weights: dict[str, Schedule] | None = None,
        auxiliary: dict[str, Schedule] | None = None,
    ) -> None:
        if not lowest <= beta <= highest:
            raise OptionError("beta", f"{beta:g} is not between lowest = {lowest:g} and highest = {highest:g}")
        super().__init__()
        self.numbers = dims.channels * dims.size**2
        self.goal, self.rate, self.momentum = goal, rate, momentum
        self.lowest, self.highest = lowest, highest
        self.weights = dict(weights or {})
        self.auxiliary = dict(auxiliary or {})
        check_signs("weights", self.weights)
        check_signs("auxiliary", self.auxiliary)
        self.register_buffer("log_beta", torch.tensor(math.log(beta), dtype=torch.float64))
        self.register_buffer("average", torch.zeros((), dtype=torch.float64))
        self.register_buffer("updates", torch.zeros((), dtype=torch.float64))

    def forward(self, terms: Terms, step: int) -> Loss:
        """Weigh the terms with beta as it stands, then move beta.

        Raises:
            OptionError: a weight is given for a term that the model does not have.
        """
        beta = self.log_beta.exp().item()
        divergence = {name: beta * weight for name, weight in weigh("weights", self.weights, terms.kl, step).items()}
        regulariser = weigh("auxiliary", self.auxiliary, terms.auxiliary, step)
        error = -terms.log_likelihood.mean()
        if self.training:
            self._follow(error.detach().double() / self.numbers)
        total = error + weighted_sum(divergence, terms.kl) + weighted_sum(regulariser, terms.auxiliary)
        return Loss(total=total, weights=named(divergence, regulariser))

    @torch.no_grad()
    def _follow(self, error: Tensor) -> None:
        self.updates += 1
        self.average.lerp_(error, 1 - self.momentum)
        unbiased = self.average / (1 - self.momentum**self.updates)  # the average starts from zero
        self.log_beta += self.rate * (self.goal - unbiased)
        self.log_beta.clamp_(math.log(self.lowest), math.log(self.highest))
