"""A mixture of Gaussians as the prior of the scene latent."""

from typing import Annotated

from annotated_types import Ge, Le, MinLen
from einops import rearrange
from torch import Size, Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    ReshapeTransform,
    TransformedDistribution,
)

from gnm_core.contracts import ScenePrior
from gnm_core.dims import Dims
from gnm_core.distributions import normal
from gnm_core.errors import OptionError
from gnm_core.layers.mlp import mlp
from gnm_core.precision import at_least_float32


class MixturePrior(ScenePrior):
    """p(z_l | z_<l) = a mixture of diagonal Gaussians, weights, means and widths an MLP of the decoder's hidden state.

    With `groups`, z_l is cut into so many pieces of equal length, each a mixture of its own, independent given z_<l: as
    many kinds of scenes a step as components to the power of groups. The KL from the posterior is estimated with the
    posterior's own sample.

    Args:
        dims: `features`, `grid`, `scene`.
        components: Gaussians in each mixture.
        groups: mixtures a step; `scene` is divisible by it.
        hidden: hidden sizes of the MLP.

    Raises:
        OptionError: the groups cannot be of equal length.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        components: Annotated[int, Ge(1), Le(1024)] = 8,
        groups: Annotated[int, Ge(1), Le(1024)] = 1,
        hidden: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512, 512),
    ) -> None:
        super().__init__()
        if dims.scene % groups:
            raise OptionError("groups", f"{groups}: does not divide dims.scene, {dims.scene}")
        self.components, self.groups = components, groups
        self.net = mlp([dims.features * dims.grid**2, *hidden, components * (groups + 2 * dims.scene)])

    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → mixtures over (B, S)."""
        parameters = rearrange(
            self.net(rearrange(hidden, "b e h w -> b (h w e)")),
            "b (g k p) -> b g k p",
            g=self.groups,
            k=self.components,
        )
        mean, raw_std = parameters[..., 1:].chunk(2, dim=-1)
        mixtures = MixtureSameFamily(
            Categorical(logits=at_least_float32(parameters[..., 0]), validate_args=False),
            Independent(normal(mean, raw_std), 1, validate_args=False),
            validate_args=False,
        )
        size = mean.shape[-1]
        return TransformedDistribution(
            Independent(mixtures, 1, validate_args=False),
            ReshapeTransform(Size((self.groups, size)), Size((self.groups * size,))),
            validate_args=False,
        )
