"""Keeps an evaluation and its file in step, whatever a metric does."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gnm_core.errors import GnmError
from gnm_core.evaluation.choice import Choice
from gnm_core.evaluation.context import Skip
from gnm_core.evaluation.evaluation import NAME, Evaluation, Outcome, load_evaluation, write_evaluation
from gnm_core.evaluation.progress import Display
from gnm_core.results import Measurement


class Pending:
    """One metric while it is taken.

    Args:
        choice: the metric.
        images: how many images of the shared pass it sees.
    """

    def __init__(self, choice: Choice, images: int = 0) -> None:
        self.choice, self.images = choice, images
        self.updates: list[Any] = []
        self.seconds = 0.0
        self.over = False
        """It has been skipped, has failed, or has its numbers."""


class Ledger:
    """The evaluation so far, written after every metric.

    Args:
        start: what is known before any metric is taken; metrics that `folder` holds of the same weights, data, split
            and seed are taken over.
        folder: where the file goes.
        limit: images of the split that any metric looks at, at most.
        display: told of every outcome.

    Raises:
        RunError: the file in `folder` is damaged, or cannot be written.
    """

    def __init__(self, start: Evaluation, folder: Path, limit: int | None, display: Display) -> None:
        self.folder, self.limit, self.display = folder, limit, display
        self.failures: list[str] = []
        earlier = load_evaluation(folder / NAME) if (folder / NAME).exists() else start
        self.evaluation = replace(start, metrics=earlier.metrics) if earlier.same_subject(start) else start
        write_evaluation(self.evaluation, folder)

    def has(self, choice: Choice) -> bool:
        """Whether the metric was taken with these options. What was skipped may be possible now."""
        outcome = self.evaluation.metrics.get(choice.name)
        if outcome is None or outcome.skipped:
            return False
        return (outcome.options, outcome.limit) == (choice.options, self.limit)

    def enter(self, pending: Pending, measurement: Measurement) -> None:
        """A metric has its numbers, or a reason for having none."""
        pending.over = True
        outcome = Outcome.of(measurement, pending.seconds, pending.choice.options, self.limit)
        self.evaluation = self.evaluation.with_outcome(pending.choice.name, outcome)
        write_evaluation(self.evaluation, self.folder)
        self.display.outcome(pending.choice.name, outcome)

    def fail(self, pending: Pending, reason: str) -> None:
        """A metric failed; an outcome of other options must not stand for this one."""
        pending.over = True
        self.failures.append(f"metric '{pending.choice.name}': {reason}")
        self.display.say(self.failures[-1])
        kept = {name: outcome for name, outcome in self.evaluation.metrics.items() if name != pending.choice.name}
        self.evaluation = replace(self.evaluation, metrics=kept)
        write_evaluation(self.evaluation, self.folder)

    @contextmanager
    def measuring(self, pending: Pending) -> Iterator[None]:
        """Time what a metric does, and note why it cannot be taken if that is so."""
        begun = time.perf_counter()
        try:
            yield
        except Skip as skip:
            self.enter(pending, Measurement((), skipped=str(skip)))
        except GnmError as error:
            self.fail(pending, str(error))
        except Exception as error:  # a broken metric of a plugin keeps no other from being taken
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.fail(pending, f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})")
        finally:
            pending.seconds += time.perf_counter() - begun
