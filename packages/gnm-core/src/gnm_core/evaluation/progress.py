"""What an evaluation shows while it runs: bars at a terminal, a line for each metric elsewhere."""

from typing import Protocol, Self

from rich.console import Console
from rich.progress import TaskID

from gnm_core.evaluation.evaluation import Outcome
from gnm_core.evaluation.report.formatting import shown
from gnm_core.progress import Heartbeat, bar


class Display(Protocol):
    """Shows how an evaluation goes."""

    def progress(self, name: str, done: int, total: int) -> None:
        """So much of a metric, or of the shared pass, is done."""

    def outcome(self, name: str, outcome: Outcome) -> None:
        """A metric is taken."""

    def say(self, text: str) -> None:
        """Something worth a line."""


class Silent:
    """Shows nothing."""

    def progress(self, name: str, done: int, total: int) -> None:
        """Nothing."""

    def outcome(self, name: str, outcome: Outcome) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""


class Lines(Silent):
    """A line for each metric, and for each long while that one takes; a context manager.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._silence = console, Heartbeat()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """End."""

    def progress(self, name: str, done: int, total: int) -> None:
        """A line after long silence."""
        if self._silence.due():
            self.say(f"{name}: {done:,} of {total:,}")

    def outcome(self, name: str, outcome: Outcome) -> None:
        """Its numbers, or why there are none, and how long it took."""
        said = "; ".join(shown(value) for value in outcome.values) or f"skipped: {outcome.skipped}"
        self.say(f"{name}: {said} ({outcome.seconds:.1f} s)")

    def say(self, text: str) -> None:
        """One line, never wrapped."""
        self._silence.reset()
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class Bars(Lines):
    """The same lines above a bar for what is at work.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar = bar(console)
        self._task: tuple[str, TaskID] | None = None

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take it away."""
        self._bar.stop()

    def progress(self, name: str, done: int, total: int) -> None:
        """Move the bar, or begin another."""
        if self._task is None or self._task[0] != name:
            if self._task is not None:
                self._bar.remove_task(self._task[1])
            self._task = (name, self._bar.add_task(name, total=total))
        self._bar.update(self._task[1], completed=done, total=total)
