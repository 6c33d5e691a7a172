"""Optimisers that train other weights than a model is used with, as schedule-free ones do: `train()` and `eval()`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from gnm_core.errors import Problem, SpecError


def to_training(optimizers: Iterable[torch.optim.Optimizer]) -> None:
    """Put the weights to train into the parameters; before an optimiser's first step, and after `to_inference`."""
    for optimizer in _switching(optimizers):
        optimizer.train()


def to_inference(optimizers: Iterable[torch.optim.Optimizer]) -> None:
    """Put the weights to use the model with into the parameters; for good, such as at a stage's end."""
    for optimizer in _switching(optimizers):
        optimizer.eval()


@contextmanager
def inference_weights(optimizers: Iterable[torch.optim.Optimizer]) -> Iterator[list[nn.Parameter]]:
    """The weights to use the model with, for a while; then those to train again, to the last bit.

    Yields:
        The parameters that may have other values here.
    """
    switching = _switching(optimizers)
    parameters = [parameter for o in switching for group in o.param_groups for parameter in group["params"]]
    trained = [parameter.detach().clone() for parameter in parameters]
    to_inference(switching)
    try:
        yield parameters
    finally:
        to_training(switching)
        with torch.no_grad():
            for parameter, value in zip(parameters, trained, strict=True):
                parameter.copy_(value)


def refuse_switching(optimizers: Iterable[torch.optim.Optimizer]) -> None:
    """See that none averages weights by itself, where another average is asked for.

    Raises:
        SpecError: one does.
    """
    for optimizer in _switching(optimizers):
        reason = f"{type(optimizer).__name__} has weights of its own to use the model with, which no average goes with"
        raise SpecError([Problem(reason, "train.ema")])


def _switching(optimizers: Iterable[torch.optim.Optimizer]) -> list[Any]:
    return [optimizer for optimizer in optimizers if hasattr(optimizer, "train") and hasattr(optimizer, "eval")]
