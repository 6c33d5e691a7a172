"""Training one level of a model by itself, on inputs that the levels below it made once."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from gnm_core.contracts import Data, Model
from gnm_core.errors import Problem, SpecError
from gnm_core.evaluation_mode import evaluation_mode
from gnm_core.results import Terms
from gnm_core.suggestions import did_you_mean
from gnm_core.training.interrupts import UnpreparedError

CHUNK = 256
"""Images at a time while the inputs are made: fixed, so that they are the same bits every time."""


@runtime_checkable
class Levelled(Protocol):
    """What a model offers whose levels can be trained one at a time (a stage's `level`)."""

    levels: tuple[str, ...]
    """Their names."""

    def level_inputs(self, level: str, image: Tensor) -> Tensor | None:
        """(B, C, H, W) → (B, ...): what `level` learns from; deterministic, and fixed while that level trains.

        None says that it learns from the images themselves.
        """

    def level_terms(self, level: str, inputs: Tensor, step: int) -> Terms:
        """(B, ...) → the terms of `level` by itself, as of training step `step`."""


def check_level(model: Model, level: str | None) -> None:
    """See whether the model has that level.

    Raises:
        SpecError: it has not.
    """
    levels = tuple(model.levels) if isinstance(model, Levelled) else ()
    if level is not None and level not in levels:
        hint = did_you_mean(level, levels) or f"it has: {', '.join(levels) or 'none'}"
        raise SpecError([Problem(f"the model has no level '{level}' that trains by itself", "train.level", hint=hint)])


def make_inputs(
    model: Model,
    level: str,
    data: Data,
    device: torch.device,
    announce: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Tensor | None:
    """(len(data), ...) in memory: the inputs of `level` for every image; None where those are the images.

    Args:
        model: one with that level.
        level: its name.
        data: the images.
        device: where the model is.
        announce: told what takes its time.
        stopped: whether to give up, asked now and then.

    Raises:
        UnpreparedError: it gave up.
    """
    assert isinstance(model, Levelled)
    made: Tensor | None = None
    with evaluation_mode(model):
        for start in range(0, len(data), CHUNK):
            if stopped():
                raise UnpreparedError
            indices = np.arange(start, min(start + CHUNK, len(data)))
            inputs = model.level_inputs(level, data.batch(indices).image.to(device))
            if inputs is None:
                return None
            if made is None:  # the one large tensor, never a second one to put it together from
                announce(f"preparing the inputs of level '{level}' from {len(data):,} images")
                made = torch.empty(len(data), *inputs.shape[1:], dtype=inputs.dtype)
            made[start : start + len(indices)] = inputs.cpu()
    return made
