"""ReLU followed by layer normalisation, as the decoders of the baselines have it (supplement, Tables 8 and 9)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ReluNorm2d(nn.Module):
    """ReLU, then normalisation over channels and pixels of each image, with a scale and a shift per channel.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        return F.group_norm(F.relu(x), 1, self.weight, self.bias)
