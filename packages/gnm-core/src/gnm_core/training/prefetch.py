"""Prepares the inputs of the next steps in a background thread."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor


class Prefetch:
    """Inputs of the steps `first` ... `last - 1`, in order, made ahead of time by a pure function of the step.

    Args:
        load: makes the inputs of one step.
        first: the first step.
        last: one more than the last step.
        ahead: how many steps' inputs may wait.
    """

    def __init__(self, load: Callable[[int], Tensor], first: int, last: int, ahead: int = 2) -> None:
        self._load, self._next, self._last = load, first, last
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self.waited = 0.0
        """Seconds that the last inputs were waited for."""
        self._waiting: deque[Future[Tensor]] = deque()
        for _ in range(ahead):
            self._order()

    def _order(self) -> None:
        if self._next < self._last:
            self._waiting.append(self._thread.submit(self._load, self._next))
            self._next += 1

    def get(self) -> Tensor:
        """The next step's inputs; raises what `load` raised."""
        inputs = self._waiting.popleft()
        self._order()
        begun = time.perf_counter()
        made = inputs.result()
        self.waited = time.perf_counter() - begun
        return made

    def close(self) -> None:
        """Drop what waits and end the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)
