"""Autoregressive distributions over a sequence of codes; the same walk scores given codes and samples new ones."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from gnm_core.distributions import normal
from torch import Tensor, nn
from torch.distributions import Normal


@dataclass(frozen=True)
class Walk:
    """A sequence of codes and the distribution of each, given those before it."""

    codes: Tensor
    """(B, K, D)."""
    distribution: Normal
    """Over (B, K, D)."""


class SequencePrior(nn.Module):
    """p(z_1) = N(0, 1), p(z_k | z_<k) = Normal by an LSTM and a linear layer.

    Args:
        size: D.
        hidden: of the LSTM.
    """

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.size = size
        self.lstm = nn.LSTMCell(size, hidden)
        self.parameters_of = nn.Linear(hidden, 2 * size)

    def score(self, codes: Tensor) -> Normal:
        """(B, K, D) → the distribution of each code given those before it, over (B, K, D)."""
        return self._walk(len(codes), codes.shape[1], lambda k, p: codes[:, k]).distribution

    def sample(self, n: int, length: int) -> Walk:
        """`n` fresh sequences of `length` codes."""
        return self._walk(n, length, lambda k, p: p.sample())

    def _walk(self, n: int, length: int, choose: Callable[[int, Normal], Tensor]) -> Walk:
        zero = self.parameters_of.weight.new_zeros(n, self.size)
        distributions = [Normal(zero, zero + 1, validate_args=False)]
        codes: list[Tensor] = []
        state = None
        for k in range(length):
            if k > 0:
                state = self.lstm(codes[-1], state)
                distributions.append(normal(*self.parameters_of(state[0]).chunk(2, dim=1)))
            codes.append(choose(k, distributions[k]))
        return Walk(torch.stack(codes, 1), _stacked(distributions))


class SequencePosterior(nn.Module):
    """q(z_1 | h) = Normal by a linear layer of h; q(z_k | z_<k, h) by an LSTM of [h, z_{k-1}] and a linear layer.

    Args:
        features: size of h.
        size: D.
        hidden: of the LSTM.
    """

    def __init__(self, features: int, size: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, 2 * size)
        self.lstm = nn.LSTMCell(features + size, hidden)
        self.parameters_of = nn.Linear(hidden, 2 * size)

    def forward(self, features: Tensor, length: int, *, mode: bool = False) -> Walk:
        """(B, F) → `length` codes: a sample (with `mode`: the mean) of each, and its distribution."""
        distributions: list[Normal] = []
        codes: list[Tensor] = []
        state = None
        for k in range(length):
            if k == 0:
                parameters = self.first(features)
            else:
                state = self.lstm(torch.cat([features, codes[-1]], 1), state)
                parameters = self.parameters_of(state[0])
            distributions.append(normal(*parameters.chunk(2, dim=1)))
            codes.append(distributions[k].mean if mode else distributions[k].rsample())
        return Walk(torch.stack(codes, 1), _stacked(distributions))


def _stacked(distributions: list[Normal]) -> Normal:
    """K distributions over (B, D) → one over (B, K, D)."""
    mean = torch.stack([d.loc for d in distributions], 1)
    return Normal(mean, torch.stack([d.scale for d in distributions], 1), validate_args=False)
