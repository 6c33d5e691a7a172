"""A mixture of Gaussians as the prior of the scene latent."""

from typing import Annotated

from annotated_types import Ge, Le, MinLen
from einops import rearrange
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily

from gnm_core.contracts import ScenePrior
from gnm_core.dims import Dims
from gnm_core.distributions import normal
from gnm_core.layers.mlp import mlp
from gnm_core.precision import at_least_float32


class MixturePrior(ScenePrior):
    """p(z_l | z_<l) = a mixture of diagonal Gaussians, weights, means and widths an MLP of the decoder's hidden state.

    Its KL from the posterior is estimated with the posterior's own sample.

    Args:
        dims: `features`, `grid`, `scene`.
        components: Gaussians in the mixture.
        hidden: hidden sizes of the MLP.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        components: Annotated[int, Ge(1), Le(1024)] = 8,
        hidden: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512, 512),
    ) -> None:
        super().__init__()
        self.components = components
        self.net = mlp([dims.features * dims.grid**2, *hidden, components * (1 + 2 * dims.scene)])

    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → mixture over (B, S)."""
        parameters = rearrange(
            self.net(rearrange(hidden, "b e h w -> b (h w e)")), "b (k p) -> b k p", k=self.components
        )
        mean, raw_std = parameters[..., 1:].chunk(2, dim=-1)
        return MixtureSameFamily(
            Categorical(logits=at_least_float32(parameters[..., 0]), validate_args=False),
            Independent(normal(mean, raw_std), 1, validate_args=False),
            validate_args=False,
        )
