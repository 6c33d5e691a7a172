"""Looking at a model without teaching it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from gnm_core.randomness import borrowed_random_state


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients for a while: running statistics stay, and so does, at last, the mode it had."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


@contextmanager
def observing(model: nn.Module, seed: int | None = None) -> Iterator[torch.device]:
    """Evaluation mode, no gradients and a borrowed random state: nobody can tell that the model was looked at.

    Args:
        model: what is looked at; gives the device that it is on.
        seed: what randomness begins from; None to go on from where torch's state is.
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with evaluation_mode(model), borrowed_random_state(device, seed=seed):
        yield device
