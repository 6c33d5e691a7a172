"""Distributions over vectors of numbers that take a few levels only, evenly spaced from -1 to 1.

Such numbers are as ordered as real ones and as easy to predict as classes: a softmax over the levels says anything
about them, several peaks included.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn import functional as F

from gnm_core.precision import at_least_float32

FARTHEST = 3.0
"""In the gradient of a sample, no draw counts as farther from its location, in scales."""


def levels_like(x: Tensor, count: int) -> Tensor:
    """(V,): the levels, with the type and device of `x`."""
    return torch.linspace(-1, 1, count, dtype=x.dtype, device=x.device)


def nearest(value: Tensor, count: int) -> Tensor:
    """(...) in [-1, 1] → (...) int64: number of the nearest level, from 0."""
    return ((value.detach() + 1) * ((count - 1) / 2)).round().long().clamp(0, count - 1)


class QuantisedNormal(Distribution):
    """S independent numbers, the probability of each level in proportion to a Normal's density there.

    Args:
        location: (..., S): centre of each Normal; levels lie in [-1, 1].
        scale: (..., S) > 0: its standard deviation.
        levels: V, how many levels there are.
        log_masses: (..., S, V): what follows from these, where it is known already.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (as torch declares it)
    has_rsample = True

    def __init__(self, location: Tensor, scale: Tensor, levels: int, log_masses: Tensor | None = None) -> None:
        self.location, self.scale, self.levels = at_least_float32(location), at_least_float32(scale), levels
        if log_masses is None:
            away = (levels_like(self.location, levels) - self.location.unsqueeze(-1)) / self.scale.unsqueeze(-1)
            log_masses = (-0.5 * away.square()).log_softmax(-1)
        self.log_masses = log_masses
        """(..., S, V): log-probability of each level."""
        super().__init__(location.shape[:-1], location.shape[-1:], validate_args=False)

    def unbind(self) -> tuple["QuantisedNormal", ...]:
        """Of numbers (B, L, S): the L distributions over (B, S)."""
        parts = zip(self.location.unbind(1), self.scale.unbind(1), self.log_masses.unbind(1), strict=True)
        return tuple(QuantisedNormal(location, scale, self.levels, masses) for location, scale, masses in parts)

    @property
    def mode(self) -> Tensor:
        """(..., S): the likeliest levels."""
        return levels_like(self.location, self.levels)[nearest(self.location, self.levels)]

    @property
    def mean(self) -> Tensor:
        """(..., S): means of the levels."""
        return self.log_masses.exp() @ levels_like(self.location, self.levels)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """(*sample_shape, ..., S): levels."""
        masses = self.log_masses.detach()
        return levels_like(masses, self.levels)[draw(masses.expand(*sample_shape, *masses.shape))]

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Levels, with the gradients that a Normal's sample at the same place would have (straight through)."""
        level = self.sample(sample_shape)
        away = ((level - self.location) / self.scale).detach().clamp(-FARTHEST, FARTHEST)
        smooth = self.location + self.scale * away
        return level + smooth - smooth.detach()

    def log_prob(self, value: Tensor) -> Tensor:
        """(...): log-probability of the levels nearest to `value` (..., S), in nats."""
        return chosen(self.log_masses, nearest(value, self.levels)).sum(-1)


class QuantisedSequence(Distribution):
    """S numbers, one after the other, each a softmax over the levels that depends on those before it.

    Args:
        log_masses_of: (B, S) numbers → (B, S, V): log-probability of each level of each number, given those before it.
        drawn: (B, S): the numbers that the caller has drawn.
        log_masses: (B, S, V): what `log_masses_of` makes of `drawn`, as the caller knows it already.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012

    def __init__(self, log_masses_of: Callable[[Tensor], Tensor], drawn: Tensor, log_masses: Tensor) -> None:
        self._log_masses_of, self._drawn, self._log_masses = log_masses_of, drawn, log_masses
        self.levels = log_masses.shape[-1]
        super().__init__(drawn.shape[:-1], drawn.shape[-1:], validate_args=False)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """(B, S): levels, number by number.

        Raises:
            NotImplementedError: more than one sample is asked for; make a distribution for each.
        """
        if tuple(sample_shape) != ():
            raise NotImplementedError("one sample at a time")
        return draw_sequence(self._log_masses_of, self._drawn.detach(), self.levels)

    def log_prob(self, value: Tensor) -> Tensor:
        """(B,): log-probability of the levels nearest to `value` (B, S), in nats."""
        return chosen(self._given(value), nearest(value, self.levels)).sum(-1)

    def divergence_from(self, q: Distribution, sample: Tensor) -> Tensor | None:
        """(B,): KL(q || p) in nats, estimated from `sample` ~ q, exact but for which numbers come before each.

        None where q is not of independent numbers with levels.
        """
        if not isinstance(q, QuantisedNormal) or q.levels != self.levels:
            return None
        return categorical_divergence(q.log_masses, self._given(sample)).sum(-1)

    def _given(self, value: Tensor) -> Tensor:
        return self._log_masses if value is self._drawn else self._log_masses_of(value)


def draw_sequence(log_masses_of: Callable[[Tensor], Tensor], like: Tensor, levels: int) -> Tensor:
    """(B, S): numbers drawn one after the other; `like` has their shape, type and device."""
    values = torch.zeros_like(like)
    scale = levels_like(like, levels)
    for place in range(like.shape[-1]):
        values[:, place] = scale[draw(log_masses_of(values)[:, place])]
    return values


def draw(log_masses: Tensor) -> Tensor:
    """(..., V) log-probabilities → (...) int64: which level each becomes."""
    below = log_masses.exp().cumsum(-1)[..., :-1]  # of each level: how likely it is or a lower one
    return (below <= torch.rand_like(below[..., :1])).sum(-1)


def chosen(log_masses: Tensor, level: Tensor) -> Tensor:
    """(..., V), (...) int64 → (...): log-probability of each level named."""
    return log_masses.gather(-1, level.unsqueeze(-1)).squeeze(-1)


def categorical_divergence(log_q: Tensor, log_p: Tensor) -> Tensor:
    """(..., V) → (...): KL of categorical distributions in nats, from their log-probabilities."""
    return F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(-1)
