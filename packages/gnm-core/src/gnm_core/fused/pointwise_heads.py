"""Several 1x1 convolutions of the same map as one matrix product."""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.fused.modules import is_plain


def pointwise_heads(heads: Sequence[nn.Conv2d], x: Tensor) -> Sequence[Tensor] | None:
    """(B, E, H, W) → what each of the heads makes of it, (B, H, W, D); None if a hook waits for one of them."""
    if not all(is_plain(nn.Conv2d, head) for head in heads):
        return None
    weight = torch.cat([head.weight.flatten(1) for head in heads])
    bias = torch.cat([head.bias for head in heads if head.bias is not None])
    made = F.linear(rearrange(x, "b e h w -> b h w e"), weight, bias)
    return torch.split(made, [head.out_channels for head in heads], dim=-1)
