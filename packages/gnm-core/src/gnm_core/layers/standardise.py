"""Feature maps in the units of their own channels: mean 0, deviation 1."""

import torch
from torch import Tensor, nn

from gnm_core.precision import at_least_float32

LEAST = 1e-3
"""No channel's deviation counts as smaller, so that one that never changes is not blown up."""


class Standardise(nn.Module):
    """Shifts and scales each channel by running statistics of what it has seen while learning, and back.

    Nothing here learns by gradients, and what comes out for one picture never depends on the others in its batch: the
    statistics are updated first and then used, in training as in evaluation. The first batch sets them.

    Args:
        channels: E.
        momentum: share of each further batch in the statistics.
    """

    mean: Tensor
    """(E,): mean of each channel."""
    square: Tensor
    """(E,): mean of each channel's square."""
    batches: Tensor
    """(): batches seen, as a floating-point number."""

    def __init__(self, channels: int, momentum: float = 0.01) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("square", torch.ones(channels))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """(B, E, G, G) → the same in standard units; while learning, its statistics are taken in first."""
        if self.training:
            self._take_in(features.detach())
        return (features - self.mean[:, None, None]) / self.deviation[:, None, None]

    def inverse(self, standard: Tensor) -> Tensor:
        """(B, E, G, G) in standard units → in those of the feature maps."""
        return standard * self.deviation[:, None, None] + self.mean[:, None, None]

    @property
    def deviation(self) -> Tensor:
        """(E,): deviation of each channel."""
        return (self.square - self.mean.square()).clamp(min=LEAST**2).sqrt()

    @torch.no_grad()
    def _take_in(self, features: Tensor) -> None:
        wide = at_least_float32(features)
        # 1 for the first batch, then 1/2, 1/3 ...: a plain mean until that many batches were seen
        share = torch.clamp(1 / (self.batches + 1), min=self.momentum)
        self.mean.lerp_(wide.mean((0, 2, 3)).to(self.mean), share)
        self.square.lerp_(wide.square().mean((0, 2, 3)).to(self.square), share)
        self.batches += 1
