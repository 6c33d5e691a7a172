"""Stick-breaking: logits to masks that add up to one."""

import torch
from gnm_core.precision import at_least_float32
from torch import Tensor
from torch.nn import functional as F


def break_sticks(logits: Tensor) -> Tensor:
    """(B, K - 1, ...) → (B, K, ...): log-masks; each takes sigmoid(logit) of what is left, the last one the rest.

    In log space throughout: finite however sure the logits are, and the masks sum to one, under bf16 autocast too.
    """
    logits = at_least_float32(logits)
    taken, left = F.logsigmoid(logits), F.logsigmoid(-logits).cumsum(1)
    before = torch.cat([torch.zeros_like(left[:, :1]), left[:, :-1]], 1)
    return torch.cat([taken + before, left[:, -1:]], 1)
