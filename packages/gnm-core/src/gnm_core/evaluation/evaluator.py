"""Takes metrics of one run: one pass over the data that they share, then what each does by itself.

Whatever is taken is on disk at once, so that an evaluation can be stopped and goes on with what is missing.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from gnm_core.errors import MetricError
from gnm_core.evaluation.choice import Choice
from gnm_core.evaluation.context import EvaluationContext
from gnm_core.evaluation.evaluation import Evaluation
from gnm_core.evaluation.ledger import Ledger, Pending
from gnm_core.evaluation.progress import Display, Silent
from gnm_core.evaluation.setup import Settings
from gnm_core.randomness import seed_from, word_of
from gnm_core.results import Measurement

PASS = "the shared pass"


def evaluate(
    start: Evaluation,
    context: EvaluationContext,
    choices: Sequence[Choice],
    folder: Path,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    display: Display | None = None,
) -> Evaluation:
    """Take metrics and write `folder/evaluation.json` after each; those that it already holds are kept.

    A metric that fails keeps no other from being taken.

    Args:
        start: as `begin` makes it.
        context: the evaluated model.
        choices: the metrics.
        folder: where the file goes.
        settings: what holds for all.
        display: shows how it goes.

    Raises:
        MetricError: metrics failed; all failures at once, after everything else was taken.
        RunError: the file cannot be read or written.
    """
    display = display or Silent()
    if context.data is not None and context.name != start.data:  # the numbers bear the name of what was looked at
        start = replace(start, data=context.name or type(context.data).__name__, data_options=None)
    ledger = Ledger(start, folder, settings.limit, display)
    missing = []
    for choice in choices:
        if ledger.has(choice) and not settings.again:
            display.say(f"{choice.name}: taken before; --again takes it again")
        else:
            missing.append(choice)
    _share(context, [choice for choice in missing if choice.metric.images != 0], ledger, settings, display)
    for choice in missing:
        if choice.metric.images == 0:
            _conclude(context, Pending(choice), ledger, settings, display)
    if ledger.failures:
        raise MetricError("\n".join(ledger.failures))
    return ledger.evaluation


def _share(
    context: EvaluationContext, choices: Sequence[Choice], ledger: Ledger, settings: Settings, display: Display
) -> None:
    """The pass: every batch is made once, and every metric that still looks on sees it."""
    all_pending = [Pending(choice) for choice in choices]
    for pending in all_pending:
        with ledger.measuring(pending):
            pending.images = context.count(pending.choice.metric.images)
    most = max((pending.images for pending in all_pending if not pending.over), default=0)
    seen = 0
    for index, batch in enumerate(context.batches(most) if most else ()):
        for pending in all_pending:
            if not pending.over:
                with ledger.measuring(pending), torch.no_grad():
                    seed(settings.seed, pending.choice.name, index)
                    pending.updates.append(pending.choice.metric.update(batch.first(pending.images - seen)))
        seen += len(batch.image)
        display.progress(PASS, seen, most)
        for pending in all_pending:
            if not pending.over and pending.images <= seen:
                _conclude(context, pending, ledger, settings, display)


def _conclude(
    context: EvaluationContext, pending: Pending, ledger: Ledger, settings: Settings, display: Display
) -> None:
    """Let a metric make its numbers."""
    name = pending.choice.name
    measurement = None
    with ledger.measuring(pending):
        seed(settings.seed, name)
        observed = replace(context, progress=lambda done, total: display.progress(name, done, total))
        measurement = pending.choice.metric.measure(observed, pending.updates)
        _require_finite(measurement)
    if measurement is not None and not pending.over:
        ledger.enter(pending, measurement)


def _require_finite(measurement: Measurement) -> None:
    for value in measurement.values:
        if not all(math.isfinite(x) for x in (value.value, value.low, value.high) if x is not None):
            raise MetricError(f"its value '{value.name}' is not finite ({value.value})")


def seed(number: int, name: str, *stream: int) -> None:
    """Set torch's global random state from an evaluation's seed and a metric's name, whatever happened before."""
    seed_from(number, word_of(name), *stream)
