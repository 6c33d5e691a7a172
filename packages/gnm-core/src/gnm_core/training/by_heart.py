"""How much of what a level knows it has by heart: its bound on scenes that it learns from, and on others."""

from dataclasses import dataclass

import numpy as np
import torch

from gnm_core.contracts import Data, Model
from gnm_core.training.held_out import validation_of
from gnm_core.training.levels import Levelled

SCENES = 512
"""Looked at of either kind, CHUNK at a time: enough to tell a few nats in a hundred apart."""
CHUNK = 128


@dataclass(frozen=True)
class Bounds:
    """Means of a level's negative bound (`-Terms.elbo`), in nats a scene."""

    learnt: float
    """Of scenes that it learns from."""
    held_out: float
    """Of validation scenes."""

    def __str__(self) -> str:
        """Both, in words."""
        more = self.held_out - self.learnt
        return f"{self.learnt:.1f} nats a scene of those it learns from, {more:+.1f} of others"


def bounds_of(model: Model, level: str | None, data: Data, step: int) -> Bounds | None:
    """Measure the level that trains, on the first scenes of the data set and of its validation split.

    Args:
        model: as a user would have it: in evaluation mode, without gradients.
        level: the stage's; None where the model trains as a whole.
        data: what it learns from.
        step: training step, for what changes with it.

    Returns:
        None where no level trains by itself, or nothing is held out.
    """
    held_out = validation_of(data)
    if level is None or held_out is None or not isinstance(model, Levelled):
        return None
    return Bounds(_mean(model, level, data, step), _mean(model, level, held_out, step))


def _mean(model: Levelled, level: str, data: Data, step: int) -> float:
    device = next(model.parameters()).device  # type: ignore[attr-defined]
    found = []
    count = min(SCENES, len(data))
    for start in range(0, count, CHUNK):
        image = data.batch(np.arange(start, min(start + CHUNK, count))).image.to(device)
        inputs = model.level_inputs(level, image)
        found.append(-model.level_terms(level, image if inputs is None else inputs, step).elbo)
    return torch.cat(found).double().mean().item()
