"""How far a long command is, drawn live."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from gnm_core.heartbeat import Heartbeat
from rich.console import Console
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
    """Images per second."""

    def render(self, task: Task) -> Text:
        """Nothing until it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f} images/s")


@contextmanager
def telling(what: str, console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """Something to tell how many images of how many are done: draws a bar at a terminal, writes lines elsewhere."""
    console = console or Console()
    if console.is_terminal:
        with progress_of_images(console) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    silence, begun = Heartbeat(5), time.monotonic()
    first: list[int] = []

    def tell(done: int, total: int) -> None:
        first.append(done) if not first else None
        if silence.due():
            rate = (done - first[0]) / (time.monotonic() - begun)
            click.echo(f"{what}: {done:,} of {total:,} images, {rate:,.1f} images/s")

    yield tell


def progress_of_images(console: Console) -> Progress:
    """A bar with the number of images, their rate, the time spent and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        transient=True,
        console=console,
    )
