"""The paper's prior of the scene latent."""

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Le, MinLen
from einops import rearrange
from torch import Tensor
from torch.distributions import Distribution

from gnm_core.contracts import ScenePrior
from gnm_core.dims import Dims
from gnm_core.distributions import normal
from gnm_core.layers.mlp import mlp


class AutoregressivePrior(ScenePrior):
    """p(z_l | z_<l) = Normal, its parameters an MLP of the decoder's hidden state (Algorithm 1, Table 7).

    Args:
        dims: `features`, `grid`, `scene`.
        hidden: hidden sizes of the MLP.
    """

    def __init__(
        self, dims: Dims, *, hidden: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512, 512)
    ) -> None:
        super().__init__()
        self.net = mlp([dims.features * dims.grid**2, *hidden, 2 * dims.scene])

    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → Normal over (B, S)."""
        return self.of_steps([hidden])[0]

    def of_steps(self, hidden: Sequence[Tensor]) -> tuple[Distribution, ...]:
        """Every (B, E, G, G) → Normal over (B, S), in one pass."""
        flat = torch.cat([rearrange(state, "b e h w -> b (h w e)") for state in hidden])
        of_steps = self.net(flat).chunk(len(hidden))
        return tuple(normal(*parameters.chunk(2, dim=1)) for parameters in of_steps)
