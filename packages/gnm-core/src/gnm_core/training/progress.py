"""What a training shows while it runs: a live display at a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from gnm_core.training.learner import Report

SMOOTH = 0.95
"""Share of the past in the numbers on display."""


class Display(Protocol):
    """Shows how a training goes."""

    def start(self, step: int, until: int) -> None:
        """`step` steps are made; the last will be number `until`."""

    def update(self, report: Report) -> None:
        """One more step is made."""

    def record(self, record: Mapping[str, object]) -> None:
        """A record has been added to the metrics."""

    def say(self, text: str) -> None:
        """Something worth a line."""

    def stop(self) -> None:
        """The training has ended."""


class Silent:
    """Shows nothing: for all processes but the first."""

    def start(self, step: int, until: int) -> None:
        """Nothing."""

    def update(self, report: Report) -> None:
        """Nothing."""

    def record(self, record: Mapping[str, object]) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


class PlainDisplay(Silent):
    """A line for each record of the metrics, for logs and pipes.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._until = console, 0

    def start(self, step: int, until: int) -> None:
        """Remember how far it goes."""
        self._until = until

    def record(self, record: Mapping[str, object]) -> None:
        """One line: step, speed, time left, and the numbers."""
        step, speed = record["step"], record["steps_per_second"]
        assert isinstance(step, int)
        assert isinstance(speed, float)
        left = clock((self._until - step) / speed) if speed > 0 else "?"
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in shown(record).items())
        self.say(f"step {step}/{self._until}  {speed:.2f} steps/s  {left} left  {numbers}")

    def say(self, text: str) -> None:
        """One line, never wrapped."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveDisplay:
    """A bar with the numbers below it, redrawn four times a second.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._task = self._bar.add_task("", total=None, speed="", left="")
        self._values: dict[str, float] = {}
        self._until, self._pace, self._then = 0, 0.0, 0.0
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=4)

    def start(self, step: int, until: int) -> None:
        """Show the bar."""
        self._until = until
        self._bar.update(self._task, completed=step, total=until)
        self._live.start()

    def update(self, report: Report) -> None:
        """Move the bar and smooth the numbers."""
        self._time()
        done = report.step + 1
        speed = f"{1 / self._pace:.2f} steps/s" if self._pace else ""
        left = f"{clock((self._until - done) * self._pace)} left" if self._pace else ""
        self._bar.update(self._task, completed=done, description=report.stage, speed=speed, left=left)
        if report.trouble is None:
            old = self._values if self._values.keys() == report.values.keys() else report.values
            self._values = {k: SMOOTH * old[k] + (1 - SMOOTH) * v for k, v in report.values.items()}

    def record(self, record: Mapping[str, object]) -> None:
        """Nothing: the numbers are on display all the time."""

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def _time(self) -> None:
        now = time.perf_counter()
        if self._then:
            took = now - self._then
            self._pace = SMOOTH * self._pace + (1 - SMOOTH) * took if self._pace else took
        self._then = now

    def _draw(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for _ in range(8):
            table.add_column(justify="right")
        cells = [cell for name, value in shown(self._values).items() for cell in (name, f"{value:.4g}")]
        for start in range(0, len(cells), 8):
            table.add_row(*cells[start : start + 8])
        return Group(self._bar.get_renderable(), table)


def shown(values: Mapping[str, object]) -> dict[str, float]:
    """The numbers of a record that are worth watching, the ELBO first."""
    hidden = ("step", "seconds", "core_seconds", "steps_per_second")
    numbers = {k: v for k, v in values.items() if isinstance(v, float) and k not in hidden}
    first = {name: numbers[name] for name in ("elbo", "log_likelihood", "objects") if name in numbers}
    return first | numbers


def clock(seconds: float) -> str:
    """Hours, minutes and seconds: `1:02:03`."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def display(console: Console) -> Display:
    """The display that fits where the output goes."""
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)
