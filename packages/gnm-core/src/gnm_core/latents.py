"""The symbolic layer of a scene: named tensors, channels last."""

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import Bernoulli, Normal


@dataclass(frozen=True)
class SymbolicLatents:
    """One value of z^s: what each grid cell says about its object (supplement, section 4.1)."""

    presence: Tensor
    """(B, G, G, 1) in [0, 1]: 1 where the cell holds an object; relaxed while training."""
    where: Tensor
    """(B, G, G, 4) = (width, height, x, y) in the image frame [-1, 1]; a width of 1 spans the whole image."""
    depth: Tensor
    """(B, G, G, 1): smaller is nearer; an object's claim on a pixel is sigmoid(-depth)."""
    what: Tensor
    """(B, G, G, D): appearance code."""

    @property
    def batch(self) -> int:
        """B: number of scenes."""
        return self.presence.shape[0]


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
