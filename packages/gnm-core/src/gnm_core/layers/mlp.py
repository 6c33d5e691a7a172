"""Multi-layer perceptron with CELU and layer normalisation."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from gnm_core.layers.celu_norm import CeluNorm1d


def mlp(sizes: Sequence[int], *, activate_last: bool = False) -> nn.Sequential:
    """Linear layers of `sizes[0]` → ... → `sizes[-1]`, each followed by CELU and layer normalisation.

    Args:
        sizes: input size, hidden sizes, output size.
        activate_last: also after the last layer.
    """
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(before, after))
        if activate_last or i < len(sizes) - 2:
            layers.append(CeluNorm1d(after))
    return nn.Sequential(*layers)
