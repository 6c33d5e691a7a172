"""Why scenes were refused, as a report tells it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gnm_core.evaluation.evaluation import Evaluation
from gnm_core.results import Value

REASONS = 12
"""Reasons that are listed, the most frequent ones."""


@dataclass(frozen=True)
class Reason:
    """Why scenes failed, and how many did."""

    text: str
    count: int
    share: float
    """Percent of the most frequent one."""


@dataclass(frozen=True)
class Failures:
    """The scenes that a metric did not accept."""

    metric: str
    judge: str
    accepted: str
    reasons: tuple[Reason, ...]
    others: int
    """Scenes whose reasons are not listed."""


def failures_of(one: Evaluation) -> Iterable[Failures]:
    """Of each value of a metric that says why scenes fail: `reasons`, or `levels` with reasons by value."""
    for outcome in one.metrics.values():
        levels = outcome.details.get("levels", {})
        for value in outcome.values:
            whole = value is outcome.values[0]
            reasons = levels.get(value.name, outcome.details.get("reasons") if whole else None)
            if isinstance(reasons, Mapping) and reasons:
                yield _failed(value, reasons, outcome.details)


def _failed(value: Value, reasons: Mapping[str, object], details: Mapping[str, object]) -> Failures:
    counts = sorted(((str(text), int(str(count))) for text, count in reasons.items()), key=lambda item: -item[1])
    most, total = counts[0][1], sum(count for _, count in counts)
    accepted, scenes = details.get("accepted"), value.count
    return Failures(
        metric=value.name,
        judge=str(details.get("judge", "")),
        accepted=f"{accepted} of {scenes} scenes accepted" if accepted is not None and scenes else "",
        reasons=tuple(Reason(text, count, 100 * count / most) for text, count in counts[:REASONS]),
        others=total - sum(count for _, count in counts[:REASONS]),
    )
