"""A transformer's block, with attention to all places or to those before."""

import torch
from einops import rearrange
from torch import Tensor, nn


class Block(nn.Module):
    """Attention and a perceptron, each behind a layer norm and beside a way past it (Xiong et al., arXiv:2002.04745).

    Args:
        width: numbers a place.
        heads: attention heads; `width` is a multiple.
        expansion: hidden size of the perceptron, in `width`.
        causal: each place sees itself and those before it only.
        dropout: share of each branch's numbers that is dropped while learning.
    """

    def __init__(self, width: int, heads: int, expansion: int, *, causal: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) → the same."""
        x = x + self.drop(self._attend(self.attention_norm(x)))
        perceived: Tensor = self.drop(self.perceptron(self.perceptron_norm(x)))
        return x + perceived

    def _attend(self, x: Tensor) -> Tensor:
        query, key, value = rearrange(self.query_key_value(x), "b t (k h d) -> k b h t d", k=3, h=self.heads)
        attention = query @ (key * query.shape[-1] ** -0.5).transpose(-1, -2)
        if self.causal:
            later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
            attention = attention.masked_fill(later, float("-inf"))
        mixed: Tensor = self.mix(rearrange(attention.softmax(-1) @ value, "b h t d -> b t (h d)"))
        return mixed
