"""What a plugin's code may not do to a command, whatever it raises or prints."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType


@contextmanager
def plugin_code() -> Iterator[None]:
    """While a plugin's code runs: what it prints goes to stderr, so that stdout holds the command's own output only."""
    with redirect_stdout(sys.stderr):
        yield


class Interrupted:
    """While entered, tells Ctrl-C from a `KeyboardInterrupt` that a plugin raises itself.

    `by_user` is true once the signal came.
    """

    def __init__(self) -> None:
        self.by_user = False
        self._listens = False

    def __enter__(self) -> "Interrupted":
        """Listen; only the main thread can, and only where nobody else listens already."""
        alone = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._listens = alone and threading.current_thread() is threading.main_thread()
        if self._listens:
            signal.signal(signal.SIGINT, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        """Listen no longer."""
        if self._listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.by_user = True
        raise KeyboardInterrupt
