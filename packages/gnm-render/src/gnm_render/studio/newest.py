"""Of requests that come faster than they can be answered, the newest is answered and the others are not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Overtaken(Exception):
    """A newer request of the same kind came before this one's turn."""


class Worker:
    """One thread for all computing, one thing after the other; of each kind, one request waits at most."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._turn = asyncio.Lock()
        self._newest: dict[str, int] = {}

    async def do(self, kind: str, work: Callable[[], T]) -> T:
        """What `work` returns.

        Args:
            kind: requests of one kind overtake one another, such as the drags of one page; empty for those that do not.
            work: computes.

        Raises:
            Overtaken: a newer one of the same kind is waiting.
        """
        number = self._newest.get(kind, 0) + 1
        if kind:
            self._newest[kind] = number
        async with self._turn:
            if kind and self._newest[kind] != number:
                raise Overtaken
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """End the thread once it is done with what it does."""
        self._thread.shutdown(wait=True, cancel_futures=True)
