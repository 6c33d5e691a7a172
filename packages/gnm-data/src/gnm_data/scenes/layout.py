"""What a rule decides about a batch of scenes, before any pixel."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Which digits stand where in B scenes, N places each."""

    labels: np.ndarray
    """(B, N) int64: class of each digit; -1 where there is none."""
    corners: np.ndarray
    """(B, N, 2) int64 = (x, y): top-left corner of the square of `digit` pixels that each digit stands in."""
    rule: dict[str, np.ndarray] = field(default_factory=dict)
    """The rule's parameters, each with B first."""
