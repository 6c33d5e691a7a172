"""Feature map to symbolic map: one network for q(z^s | f^x) and p(z^s | f)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from einops import rearrange
from torch import Tensor, nn

from gnm_core import kernels
from gnm_core.distributions import bernoulli, normal
from gnm_core.latents import SymbolicDistribution
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack


class StructureHead(nn.Module):
    """1x1 convolutions from a feature map to the parameters of z^s (Table 7, with the published deviations).

    Args:
        features: E.
        what: D.
        hidden: channels of the hidden convolutions.
        presence_scale: the presence logit is this times a tanh, so that no cell is ever certain.
    """

    def __init__(self, features: int, what: int, hidden: tuple[int, ...], presence_scale: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([features, *hidden]):
            layers += [nn.Conv2d(before, after, 1), CeluNorm2d(after)]
        self.trunk = ConvStack(*layers)
        last = hidden[-1]
        self.presence = nn.Conv2d(last, 1, 1)
        self.where = nn.Conv2d(last, 8, 1)
        self.depth = nn.Conv2d(last, 2, 1)
        self.what = nn.Conv2d(last, 2 * what, 1)
        self.presence_scale = presence_scale
        with torch.no_grad():
            nn.init.uniform_(self.where.weight, -0.01, 0.01)
            scale_first = torch.tensor([-1.0] + [0.0] * 7)
            assert self.where.bias is not None
            self.where.bias.copy_(scale_first)

    def forward(self, feature_map: Tensor) -> SymbolicDistribution:
        """(B, E, G, G) → distribution over z^s."""
        heads = (self.presence, self.where, self.depth, self.what)
        trunk = self.trunk(feature_map)
        found: Sequence[Tensor] | None = kernels.run("pointwise-heads", heads, trunk)
        if found is None:
            found = [rearrange(head(trunk), "b d h w -> b h w d") for head in heads]
        logits, where, depth, what = found
        return SymbolicDistribution(
            presence=bernoulli(self.presence_scale * logits.tanh()),
            where=normal(*where.chunk(2, dim=-1)),
            depth=normal(*depth.chunk(2, dim=-1)),
            what=normal(*what.chunk(2, dim=-1)),
        )
