"""CELU followed by layer normalisation, as every hidden layer of the source has it (supplement, Table 7)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core import kernels

EPSILON = 1e-5


class CeluNorm2d(nn.Module):
    """CELU, then normalisation over channels and pixels of each image, with a scale and a shift per channel.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        made: Tensor | None = kernels.run("celu-norm-2d", self, x)
        return F.group_norm(F.celu(x), 1, self.weight, self.bias, EPSILON) if made is None else made


class CeluNorm1d(nn.Module):
    """CELU, then layer normalisation over the last axis.

    Args:
        features: size of the last axis.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """(..., F) → (..., F)."""
        made: Tensor | None = kernels.run("celu-norm-1d", self, x)
        return F.layer_norm(F.celu(x), self.weight.shape, self.weight, self.bias, EPSILON) if made is None else made
