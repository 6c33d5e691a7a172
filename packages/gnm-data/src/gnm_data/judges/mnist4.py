"""The judge of MNIST-4."""

from typing import ClassVar

import numpy as np

from gnm_data.judges.canvas import SIDE
from gnm_data.judges.digit_judge import DigitJudge, Rule, RuleVerdict, compare
from gnm_data.judges.quadrants import NAMES, quadrant
from gnm_data.judges.reading import Candidates, assign
from gnm_data.judges.wording import count, listing


class Mnist4Rule(Rule):
    """d, d + 1, d + 2, d + 3 clockwise from top-left, one a quadrant, at mirror-symmetric places."""

    name: ClassVar[str] = "mnist-4"
    threshold: ClassVar[float] = -4.5
    tolerance: ClassVar[tuple[float, float]] = (4.4, 3.75)
    """How far apart mirrored digits may be, across and down, in 128ths of the picture. The rule allows 1.5; the middle
    of a digit is known less well across, where faint ends of strokes count as ink."""
    grain: ClassVar[float] = 0.6
    """In small pictures the tolerance is so many times as many of their own pixels, if that is more."""

    def verdict(self, candidates: Candidates, unit: float) -> RuleVerdict:
        """Seven readings obey the rule."""
        home = quadrant(candidates.places)
        allowed = home == np.arange(4)[:, None]
        comparison = compare(candidates, [assign(candidates, first + np.arange(4), allowed) for first in range(7)])
        rule, free = comparison.constrained.labels, comparison.unconstrained.labels
        if comparison.margin < self.threshold:
            return RuleVerdict(_difference(free, rule, home, candidates.nothing), comparison.margin, free)
        taken = rule < candidates.nothing
        tolerance = np.array(self.tolerance) * max(1.0, self.grain / unit)
        return RuleVerdict(_asymmetry(candidates.places[taken], home[taken], tolerance, unit), comparison.margin, rule)


class Mnist4Judge(DigitJudge):
    """Judges by `Mnist4Rule`."""

    rule: ClassVar[Rule] = Mnist4Rule()


def _difference(free: np.ndarray, rule: np.ndarray, home: np.ndarray, nothing: int) -> str:
    """How what is there differs from what should be."""
    present = free < nothing
    counts = np.bincount(home[present], minlength=4)
    crowded = [f"{count(n, 'digit')} at {NAMES[q]}" for q, n in enumerate(counts) if n > 1]
    empty = [f"none at {NAMES[q]}" for q, n in enumerate(counts) if n == 0]
    if present.sum() != 4:
        return count(int(present.sum()), "digit") + (f", {listing(empty)}" if 0 < present.sum() < 4 else "")
    if crowded:
        return ", ".join(crowded + empty)
    expected = {home[i]: label for i, label in enumerate(rule) if label < nothing}
    wrong = [
        f"{NAMES[home[i]]} is {free[i]}, expected {expected.get(home[i], 'another')}"
        for i in sorted(np.flatnonzero(present), key=lambda i: home[i])
        if free[i] != expected.get(home[i])
    ]
    return "; ".join(wrong)


def _asymmetry(places: np.ndarray, home: np.ndarray, tolerance: np.ndarray, unit: float) -> str:
    """Who stands aside, if anyone does; four digits, one a quadrant."""
    folded = np.where(places < SIDE / 2, places, SIDE - places)[np.argsort(home)]
    if (np.ptp(folded, axis=0) <= tolerance).all():
        return ""
    away = np.abs(folded - np.median(folded, axis=0)) / tolerance
    digit, axis = np.unravel_index(away.argmax(), away.shape)
    others = np.delete(folded[:, axis], digit).mean()
    off = abs(folded[digit, axis] - others) * unit
    return f"{NAMES[digit]} stands {off:.1f} px {('aside', 'above or below')[axis]} of where the others mirror"
