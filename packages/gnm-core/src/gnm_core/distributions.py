"""Distributions of the latents, likelihoods and divergences in nats per image."""

from contextlib import suppress
from math import log, pi
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal, kl_divergence
from torch.distributions.kl import _KL_REGISTRY as KL_REGISTRY
from torch.nn import functional as F

from gnm_core.precision import at_least_float32


def normal(mean: Tensor, raw_std: Tensor) -> Normal:
    """Normal whose standard deviation is the plain softplus of `raw_std`; in float32 under autocast."""
    return Normal(at_least_float32(mean), F.softplus(at_least_float32(raw_std)), validate_args=False)


def bernoulli(logits: Tensor) -> Bernoulli:
    """Bernoulli with the given logits; in float32 under autocast."""
    return Bernoulli(logits=at_least_float32(logits), validate_args=False)


def gaussian_log_likelihood(image: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """(B,): log Normal(image; mean, sigma), summed over channels and pixels, in nats per image."""
    pixels = image[0].numel()
    squared = (image - mean).square().flatten(1).sum(1)
    return squared * (-0.5 / sigma**2) - pixels * (log(sigma) + 0.5 * log(2 * pi))


def relaxed_sample(logits: Tensor, temperature: float) -> Tensor:
    """Reparameterised sample of the relaxed Bernoulli (Maddison et al., 2017, arXiv:1611.00712), in [0, 1]."""
    uniform = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
    return ((logits + uniform.log() - (-uniform).log1p()) / temperature).sigmoid()


def bernoulli_log_mass(logits: Tensor, value: Tensor) -> Tensor:
    """Elementwise log-mass of `value`; for relaxed values in (0, 1), the discrete mass as published, a heuristic."""
    return -F.binary_cross_entropy_with_logits(logits.expand_as(value), value, reduction="none")


def per_image(x: Tensor) -> Tensor:
    """(B, ...) → (B,): sum over everything but the batch."""
    return x.flatten(1).sum(1) if x.dim() > 1 else x


def log_prob(distribution: Distribution, value: Tensor) -> Tensor:
    """(B,): log-density of `value` (B, ...) in nats per image, whichever axes are batch or event."""
    return per_image(distribution.log_prob(value))


def elementwise_divergence(q: Distribution, p: Distribution, sample: Tensor) -> Tensor:
    """KL(q || p) with the axes that q's log-density has: in closed form, else estimated from `sample` ~ q."""
    plain = _is_torchs(q) and _is_torchs(p)
    if plain and isinstance(q, Normal) and isinstance(p, Normal):
        return normal_divergence(q, p)
    if plain and isinstance(q, Bernoulli) and isinstance(p, Bernoulli):
        return bernoulli_divergence(q, p)
    if q.event_shape == p.event_shape:
        if plain or _has_closed_form(q, p):
            with suppress(NotImplementedError):
                return kl_divergence(q, p)
        return q.log_prob(sample) - p.log_prob(sample)
    raise ValueError(
        f"{type(q).__name__} with event shape {tuple(q.event_shape)} cannot be compared element by element "
        f"with {type(p).__name__} with event shape {tuple(p.event_shape)}"
    )


@runtime_checkable
class Reference(Protocol):
    """A distribution that estimates divergences from itself better than a sample's log-densities do."""

    def divergence_from(self, q: Distribution, sample: Tensor) -> Tensor | None:
        """(B,): KL(q || self) in nats, estimated from `sample` ~ q without bias; None for the general way."""


def _is_torchs(distribution: Distribution) -> bool:
    """Whether its density is the one that torch's closed forms are about: a subclass may have its own."""
    if isinstance(distribution, Independent):
        return _is_torchs(distribution.base_dist)
    return type(distribution).log_prob.__module__.startswith("torch.distributions.")


def _has_closed_form(q: Distribution, p: Distribution) -> bool:
    """Whether somebody has registered one for these very classes."""
    if isinstance(q, Independent) and isinstance(p, Independent):
        return _has_closed_form(q.base_dist, p.base_dist)
    return (type(q), type(p)) in KL_REGISTRY


def divergence(q: Distribution, p: Distribution, sample: Tensor) -> Tensor:
    """(B,): KL(q || p) in nats per image; in closed form where there is one, else estimated from `sample` ~ q.

    Args:
        q: distribution over (B, ...).
        p: distribution over the same, or one that broadcasts to it.
        sample: reparameterised sample of q, for the estimate.
    """
    if isinstance(p, Reference):
        closer = p.divergence_from(q, sample)
        if closer is not None:
            return closer
    missing = len(p.event_shape) - len(q.event_shape)
    joint = Independent(q, missing, validate_args=False) if missing > 0 else q
    if joint.event_shape == p.event_shape:
        return per_image(elementwise_divergence(joint, p, sample))
    return log_prob(q, sample) - log_prob(p, sample)


def normal_divergence(q: Normal, p: Normal) -> Tensor:
    """Elementwise KL of two Normals in nats, in the fewest passes over memory."""
    ratio = q.scale / p.scale
    shift = (q.loc - p.loc) / p.scale
    return 0.5 * (ratio.square() + shift.square() - 1) - ratio.log()


def bernoulli_divergence(q: Bernoulli, p: Bernoulli) -> Tensor:
    """Elementwise KL of two Bernoullis in nats, from logits, finite however sure they are."""
    lq, lp = q.logits, p.logits
    return q.probs * (lq - lp) + F.softplus(lp) - F.softplus(lq)
