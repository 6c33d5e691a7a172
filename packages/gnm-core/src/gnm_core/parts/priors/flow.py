"""A normalising flow as the prior of the scene latent, by the library zuko."""

from typing import Annotated, Any

import torch
from annotated_types import Ge, Le, MinLen
from einops import rearrange
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from gnm_core.contracts import ScenePrior
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.layers.mlp import mlp
from gnm_core.precision import at_least_float32, without_autocast


class FlowPrior(ScenePrior):
    """p(z_l | z_<l) = a neural spline flow (Durkan et al., 2019, arXiv:1906.04032) given the decoder's hidden state.

    Coupling layers, so that densities and samples are exact and take one pass each. The KL from the posterior is
    estimated with the posterior's own sample.

    Args:
        dims: `features`, `grid`, `scene`.
        transforms: coupling layers, each a pass over both halves of the numbers.
        bins: of each spline, over [-5, 5]; beyond, numbers stay as they are.
        context: size of what the flow is told of the hidden state.
        hidden: hidden sizes of the MLP from the hidden state to the context.
        flow_hidden: hidden sizes of each coupling layer's network.

    Raises:
        OptionError: zuko is missing, or there is one number only, which nothing can be coupled with.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        transforms: Annotated[int, Ge(1), Le(256)] = 4,
        bins: Annotated[int, Ge(2), Le(1024)] = 8,
        context: Annotated[int, Ge(1), Le(65536)] = 64,
        hidden: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512,),
        flow_hidden: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (128, 128),
    ) -> None:
        super().__init__()
        try:
            from zuko.flows import NSF
        except ImportError as error:
            raise OptionError("use", "'flow' needs zuko: pip install 'gnm-core[flow]'") from error
        if dims.scene < 2:
            raise OptionError("dims.scene", f"{dims.scene}: a flow of coupling layers needs 2 numbers at least")
        self.context = mlp([dims.features * dims.grid**2, *hidden, context])
        here = torch.empty(0).device
        with torch.device("cpu"):  # its masks are computed while it is built, which the meta device cannot
            flow = NSF(dims.scene, context, bins, transforms=transforms, passes=2, hidden_features=flow_hidden)
        self.flow: nn.Module = flow.to(here)

    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → distribution over (B, S)."""
        context = at_least_float32(self.context(rearrange(hidden, "b e h w -> b (h w e)")))
        with without_autocast(context):
            return InFull(self.flow(context), context)


class InFull(Distribution):
    """A distribution whose networks are never rounded by autocast.

    Args:
        inner: the distribution.
        like: a tensor on its device.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (as torch declares it)
    has_rsample = True

    def __init__(self, inner: Distribution, like: Tensor) -> None:
        self._inner, self._like = inner, like
        super().__init__(inner.batch_shape, inner.event_shape, validate_args=False)

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008 (as torch declares it)
        """See `Distribution`."""
        with without_autocast(self._like):
            return self._inner.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """(B,): log-density in nats."""
        with without_autocast(self._like):
            found: Tensor = self._inner.log_prob(at_least_float32(value))
            return found
