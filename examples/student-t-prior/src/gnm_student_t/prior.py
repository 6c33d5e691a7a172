"""p(z_l | h) with heavy tails."""

from typing import Annotated

from annotated_types import Gt
from gnm_core import Dims, ScenePrior
from gnm_core.precision import at_least_float32
from torch import Tensor, nn
from torch.distributions import Distribution, StudentT
from torch.nn import functional as F


class StudentTPrior(ScenePrior):
    """p(z_l | h) = StudentT(dof, mean(h), scale(h)): like the paper's prior, but surprised less by rare scenes.

    Args:
        dims: `features`, `grid`, `scene`.
        dof: degrees of freedom; the larger, the closer to a Normal. Above 2 the variance is finite.
        hidden: width of the hidden layer.
    """

    def __init__(self, dims: Dims, *, dof: Annotated[float, Gt(2)] = 4.0, hidden: int = 256) -> None:
        super().__init__()
        self.dof = dof
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(dims.features * dims.grid**2, hidden),
            nn.CELU(),
            nn.Linear(hidden, 2 * dims.scene),
        )

    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → StudentT over (B, S)."""
        mean, raw_scale = at_least_float32(self.net(hidden)).chunk(2, dim=1)
        return StudentT(self.dof, mean, F.softplus(raw_scale), validate_args=False)
