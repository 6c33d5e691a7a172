"""What one pass over a batch of images yields."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from gnm_core.contracts import Core
from gnm_core.distributions import divergence, log_prob, per_image
from gnm_core.latents import SymbolicDistribution, SymbolicLatents, SymbolicSample
from gnm_core.results import Drawing, Rendering


@dataclass(frozen=True)
class Background:
    """z^b: one value, and the posterior that it is from."""

    value: Tensor
    """(B, Z)."""
    posterior: Normal
    """q(z^b | x)."""

    def divergence(self, prior: Distribution) -> Tensor:
        """(B,): KL(q(z^b | x) || prior) in nats."""
        return divergence(self.posterior, prior, self.value)


@dataclass(frozen=True)
class GeneratedBackground(Background):
    """z^b in the light of the scene code."""

    prior: Normal
    """p(z^b | z^g)."""

    def log_ratio(self) -> Tensor:
        """(B,): log p(z^b | z^g) - log q(z^b | x) in nats."""
        return log_prob(self.prior, self.value) - log_prob(self.posterior, self.value)


@dataclass(frozen=True)
class SymbolicInference:
    """What the symbolic level makes of a batch of images, with one value of each posterior."""

    features: Tensor
    """(B, maps * E, G, G): f^x, with what the crops of boxes and the background add to it: what the core sees."""
    posterior: SymbolicDistribution
    """q(z^s | x)."""
    sample: SymbolicSample
    """A value of z^s, as its distribution knows it."""
    latents: SymbolicLatents
    """The same value in the image frame."""
    background: Background | None
    """z^b; None for a model without a background."""
    rendering: Rendering
    """The picture of the value."""


@dataclass(frozen=True)
class Inference(SymbolicInference):
    """Everything that one pass over a batch of images yields: both levels."""

    background: GeneratedBackground | None
    drawing: Drawing
    """z^g, its priors and posteriors, and the feature map that it describes."""
    prior: SymbolicDistribution
    """p(z^s | z^g)."""


def scene_divergence(drawing: Drawing) -> Tensor:
    """(B, L): KL(q(z_l) || p(z_l)) of every drawing step, in nats per image."""
    if drawing.divergence is not None:
        return drawing.divergence
    assert drawing.posterior is not None
    steps = zip(drawing.prior, drawing.posterior, drawing.scene.unbind(1), strict=True)
    return torch.stack([divergence(q, p, z) for p, q, z in steps], dim=1)


def scene_log_ratio(drawing: Drawing) -> Tensor:
    """(B,): log p(z^g) - log q(z^g | x) in nats per image."""
    assert drawing.posterior is not None
    steps = zip(drawing.prior, drawing.posterior, drawing.scene.unbind(1), strict=True)
    return torch.stack([log_prob(p, z) - log_prob(q, z) for p, q, z in steps]).sum(0)


def maps_for(core: Core, first: Tensor, last: Tensor) -> Tensor:
    """f^x as the encoder made it and with all that was added, each (B, E, G, G) → what a core reads of them."""
    return last if core.maps == 1 else torch.cat([first, last], 1)


def symbols_given(head: nn.Module, core: Core, feature_map: Tensor) -> SymbolicDistribution:
    """(B, maps * E, G, G): what a core has drawn → p(z^s | f), read as the posterior is read from f^x."""
    last: SymbolicDistribution
    if core.maps == 1:
        last = head(feature_map)
        return last
    before, after = feature_map.chunk(2, dim=1)
    first: SymbolicDistribution = head(before)
    last = head(after)
    return replace(first, what=last.what)


def monitor_of(q: SymbolicDistribution) -> dict[str, Tensor]:
    """Name to (B,): what is worth watching besides the terms."""
    return {"objects": per_image(q.mode.presence.detach())}
