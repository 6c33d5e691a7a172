"""The training loop of all judges."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from gnm_core.training.device import faster_precision
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

_KEEP = 100
"""Steps from one checkpoint to the next."""

Report = Callable[[int, dict[str, float]], None]


class Schedule(Protocol):
    """How the learning rate changes over a training."""

    def __call__(self, optimiser: torch.optim.Optimizer, rate: float, steps: int) -> LRScheduler:
        """The schedule of `steps` updates with the highest rate `rate`."""


def one_cycle(optimiser: torch.optim.Optimizer, rate: float, steps: int) -> LRScheduler:
    """Up in the first seventh, down in all that follows."""
    return OneCycleLR(optimiser, rate, steps, pct_start=0.15)


def plateau(optimiser: torch.optim.Optimizer, rate: float, steps: int) -> LRScheduler:
    """Up in 200 steps, level, down in the last two fifths: a longer training begins as a shorter one does."""
    return LambdaLR(optimiser, partial(_level, steps=steps))


def _level(step: int, steps: int) -> float:
    return min((step + 1) / min(200, steps / 5 + 1), (steps - step) / (0.4 * steps + 1), 1.0)


def learn(
    networks: nn.ModuleDict,
    losses: Callable[[int], dict[str, Tensor]],
    steps: int,
    rate: float,
    report: Report,
    schedule: Schedule = one_cycle,
    average: float = 0.998,
    checkpoint: Path | None = None,
) -> dict[str, nn.Module]:
    """Train with AdamW.

    Args:
        networks: what is trained.
        losses: step → named losses, whose sum is minimised; may draw from torch's generator.
        steps: updates.
        rate: highest learning rate.
        report: called with the losses every 50 steps.
        schedule: of the learning rate.
        average: decay of the average of the weights, which a short training shortens: what was learned in its first
            half has no say.
        checkpoint: where the state is kept now and then; a training that finds one there goes on from it, to the same
            end as if it had not been stopped.

    Returns:
        The networks with averages of their weights over the last several hundred steps.
    """
    networks.to(memory_format=torch.channels_last)
    averaged = torch.optim.swa_utils.AveragedModel(
        networks,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(min(average, 1 - 6 / max(steps, 7))),
        use_buffers=True,
    )
    optimiser = torch.optim.AdamW(networks.parameters(), rate, weight_decay=1e-3, fused=True)
    rates = schedule(optimiser, rate, steps)
    parts: Mapping[str, Any] = {"networks": networks, "averaged": averaged, "optimiser": optimiser, "rates": rates}
    first = _resume(checkpoint, parts) if checkpoint and checkpoint.exists() else 0
    rounded = faster_precision("bf16", torch.device("cpu")) == "bf16"  # without matrix tiles it takes six times as long
    for step in range(first, steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            terms = losses(step)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(networks.parameters(), 5.0)
        optimiser.step()
        rates.step()
        averaged.update_parameters(networks)
        if step % 50 == 0 or step == steps - 1:
            report(step, {key: value.item() for key, value in terms.items()})
        if checkpoint and (step + 1) % _KEEP == 0:
            _keep(checkpoint, parts, step + 1)
    return dict(cast(nn.ModuleDict, averaged.module).items())


def _keep(file: Path, parts: Mapping[str, Any], step: int) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}
    new = file.with_suffix(".new")
    torch.save(state | {"step": step, "random": torch.get_rng_state()}, new)
    new.replace(file)


def _resume(file: Path, parts: Mapping[str, Any]) -> int:
    """→ the step to go on with."""
    state = torch.load(file, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state["random"])
    return int(state["step"])
