"""Many verdicts in a few numbers."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gnm_core.results import Verdict
from scipy.stats import binomtest

_NUMBER = re.compile(r"(?<![\w-])\d+(\.\d+)?\b")


@dataclass(frozen=True)
class VerdictSummary:
    """How many pictures a judge accepts, and why not the others."""

    judged: int
    """Number of pictures."""
    accepted: int
    """How many of them obey the rule."""
    reasons: Counter[str]
    """Kind of reason to the number of pictures: the first thing that is wrong, with numbers as `#`."""

    @property
    def share(self) -> float:
        """Accepted share, 0 without pictures."""
        return self.accepted / max(self.judged, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share (Wilson); 0 to 1 without pictures."""
        if not self.judged:
            return 0.0, 1.0
        bounds = binomtest(self.accepted, self.judged).proportion_ci(0.95, method="wilson")
        return float(bounds.low), float(bounds.high)

    def __str__(self) -> str:
        """Such as `accepted 243 of 250: 97.2 % (95 % interval 94.3 to 98.6 %)`."""
        low, high = (100 * bound for bound in self.interval)
        return (
            f"accepted {self.accepted:,} of {self.judged:,}: {100 * self.share:.1f} % "
            f"(95 % interval {low:.1f} to {high:.1f} %)"
        )


def summarise(verdicts: Iterable[Verdict]) -> VerdictSummary:
    """Count verdicts."""
    all_ = list(verdicts)
    reasons = Counter(kind_of(verdict.reason) for verdict in all_ if not verdict.accepted)
    return VerdictSummary(len(all_), sum(verdict.accepted for verdict in all_), reasons)


def kind_of(reason: str) -> str:
    """A reason without its numbers and without what follows a semicolon: `bottom-left is #, expected #`."""
    return _NUMBER.sub("#", reason.partition(";")[0])
