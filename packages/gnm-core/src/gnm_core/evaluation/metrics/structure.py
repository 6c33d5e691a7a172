"""S-Acc: the share of generated scenes that obey the data set's rule."""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Le

from gnm_core.contracts import Judge
from gnm_core.evaluation.context import BATCH, EvaluationContext, Metric
from gnm_core.evaluation.metrics.intervals import share
from gnm_core.evaluation.metrics.judging import accepted, judge_for, reasons
from gnm_core.results import Measurement, Verdict


class StructureAccuracy(Metric):
    """The share of generated scenes that a judge accepts, with the Wilson interval, and the reasons of the others.

    Args:
        n: scenes.
        judge: says which scenes obey; null for the judge of the data set's name.
    """

    def __init__(self, *, n: Annotated[int, Ge(1), Le(10**9)] = 250, judge: Judge | None = None) -> None:
        self.n, self.judge = n, judge

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class.

        Raises:
            MetricError: a generated image is not finite.
        """
        judge = judge_for(context, self.judge, "s-acc")
        verdicts: list[Verdict] = []
        while len(verdicts) < self.n:
            verdicts += judge.judge(context.sample(min(BATCH, self.n - len(verdicts))))
            context.progress(len(verdicts), self.n)
        details = {"judge": verdicts[0].judge, "accepted": accepted(verdicts), "reasons": reasons(verdicts)}
        return Measurement((share("S-Acc", accepted(verdicts), self.n),), details)
