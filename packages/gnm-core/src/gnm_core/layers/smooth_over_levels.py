"""First weights for numbers that have levels: smooth functions of the level."""

import numpy as np
import torch
from torch import Tensor

WAVES = 12
"""Cosines of each function: as many half periods at most from the first level to the last."""


def smooth_over_levels(*shape: int, levels: int, std: float) -> Tensor:
    """(*shape, V): random functions over the levels, each a sum of cosines, the slow ones the stronger.

    With weights drawn level by level, what is learnt of one says nothing of the next, and of many levels each is seldom
    met (`docs/reproduction/scene-level.md`).

    Args:
        shape: how many functions.
        levels: V.
        std: standard deviation of their values.
    """
    half_periods = np.arange(1, min(WAVES, levels - 1) + 1)[:, None]
    waves = np.cos(np.pi * half_periods * np.linspace(0, 1, levels)) * half_periods**-0.5
    waves *= std / np.sqrt(np.square(waves).sum(0).mean())
    functions: Tensor = torch.randn(*shape, len(waves)) @ torch.tensor(waves, dtype=torch.get_default_dtype())
    return functions
