"""A running average of the weights that train: what the model is used with, while training goes on with the others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WARM_UP = 10
"""The average looks back over a ninth of its steps at first: weights of the very beginning are forgotten fast."""


class WeightAverage:
    """average <- d * average + (1 - d) * weights after every good step, d = min(decay, (1 + step) / (10 + step)).

    Args:
        decay: d of later steps, in [0, 1); 0 for no average: everything here does nothing then.
        parameters: those that train, by name; the average begins at their values.
    """

    def __init__(self, decay: float, parameters: Mapping[str, nn.Parameter]) -> None:
        self._decay, self._parameters = decay, dict(parameters) if decay else {}
        self._values = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

    def update(self, step: int) -> None:
        """Take in the weights after `step`, from 0."""
        if self._values:
            decay = min(self._decay, (1 + step) / (WARM_UP + step))
            weights = [parameter.detach() for parameter in self._parameters.values()]
            torch._foreach_lerp_(list(self._values.values()), weights, 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """A copy of the average, by name."""
        return {name: value.clone() for name, value in self._values.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a copy; what it lacks begins at the weights as they are now."""
        for name, value in self._values.items():
            value.copy_(state.get(name, self._parameters[name].detach()))

    @torch.no_grad()
    def settle(self) -> None:
        """Put the average into the parameters, for good."""
        for name, parameter in self._parameters.items():
            parameter.copy_(self._values[name])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The average in the parameters, for a while; then the weights that train again, to the last bit."""
        trained = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self.settle()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in self._parameters.items():
                    parameter.copy_(trained[name])
