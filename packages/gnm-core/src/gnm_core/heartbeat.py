"""A sign of life now and then, where nobody sees a bar."""

import time


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
