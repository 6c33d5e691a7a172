"""Batch normalisation and gating."""

import torch
from gnm_core import kernels
from torch import Tensor, nn
from torch.nn import functional as F


class NormGLU(nn.Module):
    """Batch normalisation of value and gate, then value * sigmoid(gate), of every pixel.

    Statistics are those of the batch while learning (training mode with gradients), and the running ones else: a model
    that samples or reconstructs during training neither depends on the batch nor changes.

    Args:
        channels: C, channels of the result; the input has 2 C, values first.
        momentum: share of the newest batch in the running statistics.
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(2 * channels))
        self.bias = nn.Parameter(torch.zeros(2 * channels))
        self.register_buffer("running_mean", torch.zeros(2 * channels))
        self.register_buffer("running_var", torch.ones(2 * channels))

    @property
    def learns(self) -> bool:
        """Whether the statistics are those of the batch."""
        return self.training and torch.is_grad_enabled()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2 C, H, W) → (B, C, H, W)."""
        made: Tensor | None = kernels.run("norm-glu", self, x)
        if made is not None:
            return made
        statistics, learnt = (self.running_mean, self.running_var), (self.weight, self.bias)
        return F.glu(F.batch_norm(x, *statistics, *learnt, self.learns, self.momentum, self.eps), 1)
