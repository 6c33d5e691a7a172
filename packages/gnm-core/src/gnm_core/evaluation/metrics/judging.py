"""What metrics that ask a judge share."""

import re
from collections import Counter
from collections.abc import Sequence

from gnm_core.contracts import Judge
from gnm_core.evaluation.context import EvaluationContext, Skip
from gnm_core.results import Verdict

_MEASURED = re.compile(r"\d+\.\d+")


def judge_for(context: EvaluationContext, own: Judge | None, metric: str) -> Judge:
    """A metric's own judge, or else that of the data set's name.

    Raises:
        Skip: there is neither.
    """
    judge = own or context.judge
    if judge is None:
        data = f"'{context.name}'" if context.name else "no data set"
        raise Skip(f"there is no judge for {data}; name one: --set metrics.{metric}.judge=NAME")
    return judge


def accepted(verdicts: Sequence[Verdict]) -> int:
    """How many scenes obey."""
    return sum(verdict.accepted for verdict in verdicts)


def reasons(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many scenes were refused for each first reason, the commonest first."""
    counts = Counter(_kind(verdict.reason) for verdict in verdicts if not verdict.accepted)
    return dict(counts.most_common())


def _kind(reason: str) -> str:
    """The first thing that is wrong, without what was measured: `top-left stands # px aside`."""
    return _MEASURED.sub("#", reason.partition(";")[0])
