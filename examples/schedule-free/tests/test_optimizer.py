"""Every law of optimisers, and what this one is for."""

import torch
from gnm_core import Optimizer
from gnm_core.testing import Check, parametrize_checks
from gnm_schedule_free.optimizer import ScheduleFree
from torch import nn


class Constant:
    """A rate."""

    def __call__(self, step: int) -> float:
        return 0.1


@parametrize_checks(Optimizer, ScheduleFree, warmup=3)
def test_it_keeps_its_contract(check: Check) -> None:
    check()


def test_the_weights_to_use_are_an_average() -> None:
    """On noisy gradients they lie nearer to the bottom of the bowl than those that train."""
    torch.manual_seed(0)
    bowl = nn.Parameter(torch.full((1000,), 2.0))
    optimizer = ScheduleFree(lr=Constant()).build([bowl])  # type: ignore[arg-type]
    optimizer.train()  # type: ignore[attr-defined]
    for _ in range(300):
        bowl.grad = bowl.detach() + torch.randn(1000)
        optimizer.step()
    trained = float(bowl.detach().square().mean())
    optimizer.eval()  # type: ignore[attr-defined]
    assert float(bowl.detach().square().mean()) < trained < 0.5
