"""A fixed Normal as reference of an auxiliary KL."""

from typing import Annotated

import torch
from annotated_types import Gt, MinLen
from torch import Tensor
from torch.distributions import Distribution, Normal

from gnm_core.contracts import LatentPrior
from gnm_core.errors import OptionError


class NormalPrior(LatentPrior):
    """N(mean, std), one number for every coordinate or one each; by default the box prior of the supplement.

    The defaults are over z^where = (s, r, dx, dy) before its transform, as published for MNIST: tight boxes
    (scale = sigmoid(s)), nearly square (ratio = exp(r)), near the centre of their cell.

    Args:
        mean: mean of each coordinate, or a single one.
        std: standard deviation of each coordinate, or a single one.

    Raises:
        OptionError: the two differ in length and neither is single.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        mean: Annotated[tuple[float, ...], MinLen(1)] = (-1.6, 0.0, 0.0, 0.0),
        std: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)] = (0.1, 0.3, 1.0, 1.0),
    ) -> None:
        super().__init__()
        if len(mean) != len(std) and 1 not in (len(mean), len(std)):
            raise OptionError("std", f"has {len(std)} numbers where mean has {len(mean)}")
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def reference(self, step: int) -> Distribution:
        """Normal that broadcasts to (..., D); the same at every step."""
        return Normal(self.mean, self.std, validate_args=False)
