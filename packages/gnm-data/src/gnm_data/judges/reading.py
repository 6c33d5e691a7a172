"""What a picture may say: every candidate is an object of some class, or nothing; a rule allows some readings only."""

from dataclasses import dataclass

import numpy as np
from gnm_core.deprecated import renamed_names
from scipy.optimize import linear_sum_assignment

FLOOR = -12.0
"""Least log-probability that a candidate gives to anything."""
UNSEEN = -12.0
"""Log-probability that an object is there and is no candidate."""


@dataclass(frozen=True)
class Candidates:
    """N places in one picture where an object may be, and what it would be."""

    places: np.ndarray
    """(N, 2) float64 = (x, y) in pixels of the canvas."""
    scores: np.ndarray
    """(N, K + 1) float64: log-probability of each class, and last of nothing, at least `FLOOR`."""

    @property
    def nothing(self) -> int:
        """Label of what is no object: K."""
        return int(self.scores.shape[1]) - 1


@dataclass(frozen=True)
class Reading:
    """One way to read a picture."""

    score: float
    """Its log-probability."""
    labels: np.ndarray
    """(N,) int64: class of each candidate, or `nothing`."""


def best(candidates: Candidates) -> Reading:
    """The best reading of any kind."""
    labels = candidates.scores.argmax(1)
    return Reading(float(candidates.scores[np.arange(len(labels)), labels].sum()), labels)


def assign(candidates: Candidates, wanted: np.ndarray, allowed: np.ndarray) -> Reading:
    """The best reading that holds exactly the wanted objects, one candidate each; those without one are unseen.

    Args:
        candidates: those of one picture.
        wanted: (M,) int64, class of each wanted object.
        allowed: (M, N) bool, which candidates stand where the object should.
    """
    nothing = candidates.scores[:, -1]
    gain = np.where(allowed, candidates.scores[:, wanted].T - nothing, -1e6)
    # a column for each wanted object in which it is unseen
    gain = np.concatenate([gain, np.where(np.eye(len(wanted), dtype=bool), UNSEEN, -1e6)], 1)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    labels = np.full(len(nothing), candidates.nothing)
    matched = columns < len(nothing)
    labels[columns[matched]] = wanted[rows[matched]]
    return Reading(float(nothing.sum() + gain[rows, columns].sum()), labels)


__getattr__ = renamed_names(__name__, {"fill": f"{__name__}:assign"})
