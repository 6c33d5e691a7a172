"""A rare-object reference for z^pres."""

from typing import Annotated

import torch
from torch import Tensor
from torch.distributions import Distribution

from gnm_core.contracts import Default, PresencePrior, Schedule
from gnm_core.distributions import bernoulli


class BernoulliPrior(PresencePrior):
    """Ber(rho) with a scheduled rate: few objects are asked to explain the scene (supplement, Auxiliary Losses).

    Args:
        rate: rho at each training step, in (0, 1); published: 0.1 to 0.001 over the first 4,000 steps.
    """

    one: Tensor

    def __init__(self, *, rate: Annotated[Schedule, Default("linear", from_=0.1, to=0.001, until=4000)]) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("one", torch.ones(()), persistent=False)

    def reference(self, step: int) -> Distribution:
        """Bernoulli that broadcasts to (B, G, G, 1), with the rate of training step `step`."""
        return bernoulli(torch.logit(self.one * self.rate(step)))
