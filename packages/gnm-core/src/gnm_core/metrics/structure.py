"""S-Acc: the share of dreamt scenes that obey the data set's rule."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge

from gnm_core.contracts import Judge, Metric
from gnm_core.metrics.intervals import share
from gnm_core.results import Measurement, Verdict
from gnm_core.subject import BATCH, Skip, Subject

_MEASURED = re.compile(r"\d+\.\d+")


class StructureAccuracy(Metric):
    """The share of generated scenes that a judge accepts, with the Wilson interval, and the reasons of the others.

    Args:
        n: scenes.
        judge: says which scenes obey; null for the judge of the data set's name.
    """

    def __init__(self, *, n: Annotated[int, Ge(1)] = 250, judge: Judge | None = None) -> None:
        self.n, self.judge = n, judge

    def measure(self, subject: Subject, seen: Sequence[Any]) -> Measurement:
        """See the class.

        Raises:
            MetricError: a generated image is not finite.
        """
        judge = self.judge or subject.judge
        if judge is None:
            data = f"'{subject.name}'" if subject.name else "no data set"
            raise Skip(f"there is no judge for {data}; name one: --set metrics.s-acc.judge=NAME")
        verdicts: list[Verdict] = []
        while len(verdicts) < self.n:
            verdicts += judge.judge(subject.sample(min(BATCH, self.n - len(verdicts))))
            subject.progress(len(verdicts), self.n)
        accepted = sum(verdict.accepted for verdict in verdicts)
        reasons = Counter(_kind(verdict.reason) for verdict in verdicts if not verdict.accepted)
        details = {"judge": verdicts[0].judge, "accepted": accepted, "reasons": dict(reasons.most_common())}
        return Measurement((share("S-Acc", accepted, self.n),), details)


def _kind(reason: str) -> str:
    """The first thing that is wrong, without what was measured: `top-left stands # px aside`."""
    return _MEASURED.sub("#", reason.partition(";")[0])
