"""How far something long is: a bar at a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class Heartbeat:
    """Says when it is time for another line.

    Args:
        every: seconds of silence.
    """

    def __init__(self, every: float = 20.0) -> None:
        self.every = every
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it has been silent for long; asking so is a line."""
        if time.monotonic() - self._last < self.every:
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Something has been said."""
        self._last = time.monotonic()


def bar(console: "Console", unit: str = "", fields: Sequence[str] = ()) -> "Progress":
    """A bar with what is done, how much of how much, and the time spent and left, gone when it is over.

    Args:
        console: a terminal.
        unit: what is counted, for the rate; empty for none.
        fields: of the bar's task, whose text stands after a bar of the whole width instead of rate and times.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} {unit}/s")

    if fields:
        after: list[ProgressColumn] = [TextColumn(f"{{task.fields[{name}]}}") for name in fields]
    else:
        after = [*([Rate()] if unit else []), TimeElapsedColumn(), TimeRemainingColumn()]
    begin = (TextColumn("{task.description}"), BarColumn(None if fields else 40), MofNCompleteColumn())
    return Progress(*begin, *after, transient=True, console=console)


@contextmanager
def showing_progress(
    what: str, console: "Console | None" = None, unit: str = "images", every: float = 5.0
) -> Iterator[Callable[[int, int], None]]:
    """Something to tell how many of how many are done: draws a bar at a terminal, writes lines elsewhere.

    Args:
        what: what is being done.
        console: where to; standard output by default.
        unit: what is counted.
        every: seconds between two lines.
    """
    from rich.console import Console

    console = console or Console()
    if console.is_terminal:
        with bar(console, unit) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    silence, begun = Heartbeat(every), time.monotonic()
    first: list[int] = []

    def tell(done: int, total: int) -> None:
        if not first:
            first.append(done)
        if silence.due():
            rate = (done - first[0]) / (time.monotonic() - begun)
            console.print(f"{what}: {done:,} of {total:,} {unit}, {rate:,.1f} {unit}/s", markup=False, soft_wrap=True)

    yield tell
