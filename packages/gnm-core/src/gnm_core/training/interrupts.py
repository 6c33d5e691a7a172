"""Ctrl-C and SIGTERM: the first asks for a clean end, the second ends at once."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

ANSWER = b"\nfinishing this step and saving; once more to abort at once\n"


class UnpreparedError(Exception):
    """A stage's inputs were not all made, as the training was asked to end."""


class Interrupts:
    """While entered, notes the first SIGINT or SIGTERM instead of dying of it; the second is a `KeyboardInterrupt`."""

    def __init__(self) -> None:
        self.received: int | None = None
        """The signal's number; None as long as there was none."""
        self._before: dict[int, Any] = {}

    def asked(self) -> bool:
        """A clean end was asked for."""
        return self.received is not None

    def __enter__(self) -> "Interrupts":
        """Take over the two signals; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        os.write(2, ANSWER)  # print is not safe inside a handler
