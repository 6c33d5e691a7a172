"""The training loop of all judges."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

_DECAY = 0.998
"""Of the average of the weights, which a short training shortens: what was learned in its first half has no say."""

Report = Callable[[int, dict[str, float]], None]


def learn(
    networks: nn.ModuleDict,
    losses: Callable[[int], dict[str, Tensor]],
    steps: int,
    rate: float,
    report: Report,
) -> dict[str, nn.Module]:
    """Train with AdamW on a one-cycle schedule.

    Args:
        networks: what is trained.
        losses: step → named losses, whose sum is minimised.
        steps: updates.
        rate: highest learning rate.
        report: called with the losses every 50 steps.

    Returns:
        The networks with averages of their weights over the last several hundred steps.
    """
    networks.to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        networks,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(min(_DECAY, 1 - 6 / max(steps, 7))),
        use_buffers=True,
    )
    optimiser = torch.optim.AdamW(networks.parameters(), rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.15)
    for step in range(steps):
        with torch.autocast("cpu", torch.bfloat16):
            terms = losses(step)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(networks.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(networks)
        if step % 50 == 0 or step == steps - 1:
            report(step, {key: value.item() for key, value in terms.items()})
    return dict(cast(nn.ModuleDict, average.module).items())
