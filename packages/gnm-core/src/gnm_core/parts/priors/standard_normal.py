"""N(0, 1), for the scene latent and for the auxiliary KLs alike."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from gnm_core.contracts import LatentPrior, ScenePrior
from gnm_core.dims import Dims


class StandardNormal(ScenePrior, LatentPrior):
    """The standard normal distribution, which learns nothing and depends on nothing.

    Args:
        dims: `scene`.
    """

    zero: Tensor

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.size = dims.scene
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → N(0, 1) over (B, S)."""
        zero = self.zero.expand(hidden.shape[0], self.size)
        return Normal(zero, zero + 1, validate_args=False)

    def reference(self, step: int) -> Distribution:
        """N(0, 1), which broadcasts to any shape; the same at every step."""
        return Normal(self.zero, self.zero + 1, validate_args=False)
