"""The judge of MNIST-10."""

from typing import ClassVar

import numpy as np

from gnm_data.judges.digit_judge import DigitJudge, Rule, RuleVerdict, compare
from gnm_data.judges.quadrants import NAMES, quadrant
from gnm_data.judges.reading import Candidates, Reading, assign
from gnm_data.judges.wording import count, listing

_GROUP = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3, 3])
"""Group of each class: {0, 1}, {2, 3, 4}, {5, 6, 7}, {8, 9}."""
_MODES = ((0, 1, 3, 2), (2, 1, 3, 0), (0, 3, 1, 2), (2, 3, 1, 0))
"""Quadrant of each group, by mode."""


class Mnist10Rule(Rule):
    """Every class once; opposite quadrants hold {0, 1} and {8, 9}, the other two {2, 3, 4} and {5, 6, 7}."""

    name: ClassVar[str] = "mnist-10"
    threshold: ClassVar[float] = -4.5

    def verdict(self, candidates: Candidates, unit: float) -> RuleVerdict:
        """Four modes, each with the best assignment of candidates to classes."""
        home = quadrant(candidates.places)
        readings = [_in_mode(candidates, home, np.array(mode)) for mode in _MODES]
        comparison = compare(candidates, readings)
        if comparison.margin >= self.threshold:
            return RuleVerdict("", comparison.margin, comparison.constrained.labels)
        mode = _MODES[max(range(4), key=lambda m: readings[m].score)]
        free = comparison.unconstrained.labels
        return RuleVerdict(_difference(free, home, mode, candidates.nothing), comparison.margin, free)


class Mnist10Judge(DigitJudge):
    """Judges by `Mnist10Rule`."""

    rule: ClassVar[Rule] = Mnist10Rule()


def _in_mode(candidates: Candidates, home: np.ndarray, mode: np.ndarray) -> Reading:
    """The best reading that puts every class into its quadrant."""
    return assign(candidates, np.arange(10), home == mode[_GROUP][:, None])


def _difference(labels: np.ndarray, home: np.ndarray, mode: tuple[int, ...], nothing: int) -> str:
    """How what is there differs from what should be."""
    present = labels < nothing
    total = int(present.sum())
    counts = np.bincount(labels[present], minlength=10)
    parts = [] if total == 10 else [count(total, "digit")]
    parts += [f"{count(n, 'digit')} of class {c}" for c, n in enumerate(counts) if n > 1]
    absent = np.flatnonzero(counts == 0)
    if 0 < len(absent) < 10:
        parts.append(f"no {listing(absent)}" if len(absent) <= 3 else f"{len(absent)} classes missing")
    if parts:
        return ", ".join(parts)
    wrong = [(int(home[i]), int(labels[i])) for i in np.flatnonzero(present) if home[i] != mode[_GROUP[labels[i]]]]
    places = sorted({q for q, _ in wrong})
    groups = [(q, sorted(label for at, label in wrong if at == q)) for q in places]
    return "; ".join(
        f"{listing(those)} at {NAMES[q]}, expected {listing(sorted({NAMES[mode[_GROUP[c]]] for c in those}))}"
        for q, those in groups
    )
