"""A perceptron for numbers that follow each other: what it says of each depends on a context and those before it."""

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.layers.smooth_over_levels import smooth_over_levels


class SequencePerceptron(nn.Module):
    """Logits over the levels of S numbers, all at once (MADE: Germain et al., 2015, arXiv:1502.03509).

    Every number has hidden units of its own. They see the context and the levels of the numbers before it. Where it is
    gated, the context also says how much each of them counts (Dauphin et al., 2017, arXiv:1612.08083): what the numbers
    so far may still become, and what of it the context excludes, come together by a product in place of a sum. Before
    it learns, levels next to each other mean nearly the same, and are nearly as likely.

    Args:
        context: size of the context.
        numbers: S.
        levels: V.
        hidden: hidden units of each number, in each of two layers.
        gated: the context also scales the hidden units.
    """

    before: Tensor
    """(S * hidden, S * V): 1 where a hidden unit may see a level."""

    def __init__(self, context: int, numbers: int, levels: int, hidden: int, *, gated: bool = False) -> None:
        super().__init__()
        self.numbers, self.levels = numbers, levels
        self.of_context = nn.Linear(context, numbers * hidden)
        self.of_levels = nn.Linear(numbers * levels, numbers * hidden, bias=False)
        self.second = nn.Parameter(torch.empty(numbers, hidden, hidden))
        self.second_bias = nn.Parameter(torch.zeros(numbers, 1, hidden))
        self.last = nn.Parameter(torch.empty(numbers, hidden, levels))
        self.last_bias = nn.Parameter(torch.zeros(numbers, 1, levels))
        with torch.no_grad():
            seen = smooth_over_levels(numbers * hidden, numbers, levels=levels, std=0.75 * numbers**-0.5)
            self.of_levels.weight.copy_(seen.flatten(1))
            self.last.copy_(smooth_over_levels(numbers, hidden, levels=levels, std=0.37 * hidden**-0.5))
        nn.init.normal_(self.second, std=hidden**-0.5)
        self.gate = nn.Linear(context, numbers * hidden) if gated else None
        if self.gate is not None:  # nearly open
            nn.init.normal_(self.gate.weight, std=0.1 * context**-0.5)
            nn.init.ones_(self.gate.bias)
        earlier = np.tril(
            np.ones((numbers, numbers), np.float32), -1
        )  # torch's, on the meta device, import its compiler
        mask = torch.tensor(earlier.repeat(hidden, 0).repeat(levels, 1))
        self.register_buffer("before", mask, persistent=False)

    def forward(self, context: Tensor, level: Tensor) -> Tensor:
        """(N, context), (N, S) int64 → (N, S, V) logits."""
        seen = F.one_hot(level, self.levels).flatten(1).to(context.dtype)
        hidden = self.of_context(context) + F.linear(seen, self.of_levels.weight * self.before)
        hidden = rearrange(F.gelu(hidden), "n (s h) -> s n h", s=self.numbers)
        if self.gate is None:
            hidden = F.gelu(torch.baddbmm(self.second_bias, hidden, self.second)) + hidden
        else:
            scale = rearrange(self.gate(context), "n (s h) -> s n h", s=self.numbers)
            hidden = F.gelu(torch.baddbmm(self.second_bias, hidden * scale, self.second)) * scale + hidden
        return torch.baddbmm(self.last_bias, hidden, self.last).transpose(0, 1)
