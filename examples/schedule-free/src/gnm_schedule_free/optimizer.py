"""AdamW without a schedule."""

from collections.abc import Iterable
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from gnm_core import Default, InSteps, Optimizer, Schedule
from torch import nn


class ScheduleFree(Optimizer):
    """AdamW that averages where it has been instead of slowing down. A. Defazio and others, 2024, arXiv:2405.15682.

    Args:
        lr: learning rate; leave it constant, and larger than Adam's.
        parts: dotted prefixes of the parameters that it updates; empty for all that no other optimiser names.
        beta1: how near to the average, rather than to the walker, gradients are taken.
        beta2: share of the past in the second moment.
        eps: added to the root of the second moment.
        weight_decay: share of a parameter that a step takes off, times the rate.
        warmup: first steps, in which the rate rises.
    """

    def __init__(
        self,
        *,
        lr: Annotated[Schedule, Default("constant", value=1e-3)],
        parts: tuple[str, ...] = (),
        beta1: Annotated[float, Gt(0), Lt(1)] = 0.9,
        beta2: Annotated[float, Ge(0), Lt(1)] = 0.999,
        eps: Annotated[float, Gt(0)] = 1e-8,
        weight_decay: Annotated[float, Ge(0)] = 0.0,
        warmup: Annotated[int, Ge(0), InSteps()] = 0,
    ) -> None:
        self.rate, self.parts = lr, parts
        self.betas, self.eps, self.weight_decay, self.warmup = (beta1, beta2), eps, weight_decay, warmup

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The library's AdamW over `parameters`; its `train()` and `eval()` are called by the trainer."""
        from schedulefree import AdamWScheduleFree

        return AdamWScheduleFree(  # type: ignore[no-any-return]
            parameters,
            lr=self.rate(0),
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            warmup_steps=self.warmup,
        )
