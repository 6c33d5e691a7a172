"""The symbolic layer of a scene, channels last: its values, and its distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from torch.distributions import Bernoulli, Normal

from gnm_core.distributions import bernoulli_log_mass, divergence, log_prob, per_image, relaxed_sample


@dataclass(frozen=True)
class SymbolicLatents:
    """One value of z^s: what each grid cell says about its object (supplement, section 4.1)."""

    presence: Tensor
    """(B, G, G, 1) in [0, 1]: 1 where the cell holds an object; relaxed while training."""
    where: Tensor
    """(B, G, G, 4) = (width, height, x, y) in the image frame [-1, 1]; a width of 1 spans the whole image."""
    depth: Tensor
    """(B, G, G, 1): smaller is nearer; an object weighs in a pixel by sigmoid(-depth)."""
    what: Tensor
    """(B, G, G, D): appearance code."""

    @property
    def batch(self) -> int:
        """B: number of scenes."""
        return self.presence.shape[0]


@dataclass(frozen=True)
class SymbolicSample:
    """One value of z^s as its distribution knows it: z^where before the transform to the image frame."""

    presence: Tensor
    """(B, G, G, 1) in [0, 1]."""
    where: Tensor
    """(B, G, G, 4) = (s, r, dx, dy)."""
    depth: Tensor
    """(B, G, G, 1)."""
    what: Tensor
    """(B, G, G, D)."""


@dataclass(frozen=True)
class SymbolicDistribution:
    """A distribution over z^s, factorised over cells and latents: q(z^s | x) or p(z^s | z^g)."""

    presence: Bernoulli
    """Bernoulli over (B, G, G, 1), with logits."""
    where: Normal
    """Normal over (B, G, G, 4) = (s, r, dx, dy), *before* the transform to the image frame."""
    depth: Normal
    """Normal over (B, G, G, 1)."""
    what: Normal
    """Normal over (B, G, G, D)."""

    def rsample(self, temperature: float = 1.0, *, hard: bool = False) -> SymbolicSample:
        """A reparameterised sample.

        Args:
            temperature: of the relaxed presence, which lies in [0, 1].
            hard: presence is 0 or 1, from its Bernoulli, and has no gradient.
        """
        return SymbolicSample(
            self.presence.sample() if hard else relaxed_sample(self.presence.logits, temperature),
            self.where.rsample(),
            self.depth.rsample(),
            self.what.rsample(),
        )

    @cached_property
    def mode(self) -> SymbolicSample:
        """The likeliest value: presence is 0 or 1, the others are their means."""
        logits = self.presence.logits
        return SymbolicSample((logits > 0).to(logits.dtype), self.where.mean, self.depth.mean, self.what.mean)

    @cached_property
    def mean(self) -> SymbolicSample:
        """The mean: presence is its probability."""
        return SymbolicSample(self.presence.logits.sigmoid(), self.where.mean, self.depth.mean, self.what.mean)

    def log_prob(self, z: SymbolicSample) -> Mapping[str, Tensor]:
        """Name to (B,): log-density of each latent's value, in nats per image."""
        return {
            "presence": per_image(bernoulli_log_mass(self.presence.logits, z.presence)),
            "where": log_prob(self.where, z.where),
            "depth": log_prob(self.depth, z.depth),
            "what": log_prob(self.what, z.what),
        }

    def divergence(self, p: "SymbolicDistribution", z: SymbolicSample) -> dict[str, Tensor]:
        """Name to (B,): KL(self || p) of each latent, in nats per image.

        Args:
            p: the prior.
            z: a sample of this distribution, for latents whose divergence has no closed form.
        """
        return {
            "presence": divergence(self.presence, p.presence, z.presence),
            "where": divergence(self.where, p.where, z.where),
            "depth": divergence(self.depth, p.depth, z.depth),
            "what": divergence(self.what, p.what, z.what),
        }
