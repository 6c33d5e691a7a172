"""What a training shows while it runs: a live display at a terminal, plain lines elsewhere."""

import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from gnm_core.progress import Heartbeat, bar
from gnm_core.training.learner import Report

SMOOTH = 0.95
"""Share of the past in the numbers on display."""


class Display(Protocol):
    """Shows how a training goes."""

    def start(self, step: int, until: int, seconds: float | None = None) -> None:
        """`step` steps are made; the last will be number `until`, or whichever is made after so many seconds."""

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

    def start(self, step: int, until: int, seconds: float | None = None) -> None:
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
    """A line at the start and for each record of the metrics, for logs and pipes; where those are rare, a few between.

    A training does not end because nobody reads its lines any more.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._goal, self._made = console, Goal(0), 0
        self._then, self._silence = 0.0, Heartbeat()

    def start(self, step: int, until: int, seconds: float | None = None) -> None:
        """Say that it begins."""
        self._goal, self._made, self._then = Goal(until, seconds), step, time.perf_counter()
        self.say(f"step {step}/{until}: training begins")

    def update(self, report: Report) -> None:
        """A line after long silence."""
        if self._silence.due():
            done, took = report.step + 1, time.perf_counter() - self._then
            pace = took / max(done - self._made, 1)
            self.say(f"step {done}/{self._goal.until}  {1 / pace:.2f} steps/s  {self._goal.left(done, pace)} left")

    def record(self, record: Mapping[str, object]) -> None:
        """One line: step, speed, time left, and the numbers."""
        step, speed, waiting = record["step"], record["steps_per_second"], record["waiting"]
        assert isinstance(step, int)
        assert isinstance(speed, float)
        assert isinstance(waiting, float)
        left = self._goal.left(step, 1 / speed) if speed > 0 else "?"
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in shown(record).items())
        pace = f"{speed:.2f} steps/s  {waiting:.0%} waiting for images"
        self.say(f"step {step}/{self._goal.until}  {pace}  {left} left  {numbers}")

    def say(self, text: str) -> None:
        """One line, never wrapped."""
        self._silence.reset()
        file = self._console.file
        try:
            file.write(f"{text}\n")
            file.flush()
        except OSError:  # whoever read them is gone: what is still to come goes nowhere
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


class LiveDisplay:
    """A bar with the numbers below it, redrawn four times a second.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = bar(console, fields=("speed", "left"))
        self._task = self._bar.add_task("", total=None, speed="", left="")
        self._values: dict[str, float] = {}
        self._goal, self._pace, self._idle, self._then = Goal(0), 0.0, 0.0, 0.0
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=4)

    def start(self, step: int, until: int, seconds: float | None = None) -> None:
        """Show the bar."""
        self._goal = Goal(until, seconds)
        self._bar.update(self._task, completed=step, total=until)
        self._live.start()

    def update(self, report: Report) -> None:
        """Move the bar and smooth the numbers."""
        self._time(report.waited)
        done = report.step + 1
        speed = f"{1 / self._pace:.2f} steps/s, {self._idle / self._pace:.0%} waiting" if self._pace else ""
        left = f"{self._goal.left(done, self._pace)} left" if self._pace else ""
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

    def _time(self, waited: float) -> None:
        now = time.perf_counter()
        if self._then:
            took = now - self._then
            self._idle = SMOOTH * self._idle + (1 - SMOOTH) * min(waited, took) if self._pace else min(waited, took)
            self._pace = SMOOTH * self._pace + (1 - SMOOTH) * took if self._pace else took
        self._then = now

    def _draw(self) -> Group:
        return Group(self._bar.get_renderable(), numbers_table(shown(self._values), self._console.width))


class Goal:
    """Where a training ends.

    Args:
        until: number of the last step.
        seconds: time from now after which it ends before; None for no such limit.
    """

    def __init__(self, until: int, seconds: float | None = None) -> None:
        self.until = until
        self._end = math.inf if seconds is None else time.perf_counter() + seconds

    def left(self, done: int, pace: float) -> str:
        """Time left, after `done` steps that took `pace` seconds each."""
        return clock(min((self.until - done) * pace, self._end - time.perf_counter()))


def numbers_table(numbers: Mapping[str, float], width: int) -> Table:
    """Names and values, as many pairs in a row (at most 4) as fit whole into so many characters."""
    cells = [cell for name, value in numbers.items() for cell in (name, f"{value:.4g}")]
    for across in (8, 6, 4, 2):
        rows = [cells[start : start + across] for start in range(0, len(cells), across)]
        widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(across)]
        if sum(widths) + 2 * (across - 1) <= width:
            break
    table = Table.grid(padding=(0, 2))
    for _ in range(across):
        table.add_column(justify="right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def shown(values: Mapping[str, object]) -> dict[str, float]:
    """The numbers of a record that are worth watching, the ELBO first."""
    hidden = ("step", "seconds", "core_seconds", "steps_per_second", "waiting")
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
