"""Making shards, in this process or in several."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import pyarrow as pa
import torch
from gnm_core.contracts import Data
from gnm_core.errors import DataError, GnmError

from gnm_data.storage.columns import difference, to_table
from gnm_data.storage.manifest import Piece, Plan
from gnm_data.storage.shard import write_shard

CHUNK = 32
"""Images asked of the source at once: between chunks a worker reports, and stops when it should."""
TICK = 0.2
"""Seconds between two looks at how far the workers are."""


class Stopped(Exception):
    """A worker was asked to stop."""


@dataclass(frozen=True)
class Work:
    """What is to be made, of what and where; travels between processes."""

    source: Callable[[], Data]
    """Opens the source; picklable where there are several processes."""
    folder: Path
    plan: Plan
    schema: pa.Schema


@dataclass
class Maker:
    """Makes shards."""

    work: Work
    made: Callable[[int], None]
    """Called with the number of images made since the last call; raises `Stopped` to stop."""

    @cached_property
    def data(self) -> Data:
        """The source, opened on first use."""
        return self.work.source()

    def make(self, piece: Piece) -> None:
        """Make one shard.

        Raises:
            DataError: the source gave something else than its first image promised, or a file cannot be written.
        """
        starts = range(piece.start, piece.stop, self.work.plan.group)
        groups = (self._group(start, min(start + self.work.plan.group, piece.stop)) for start in starts)
        write_shard(self.work.folder, piece.file, self.work.schema, groups)

    def _group(self, start: int, stop: int) -> pa.Table:
        starts = range(start, stop, CHUNK)
        return pa.concat_tables(self._chunk(at, min(at + CHUNK, stop)) for at in starts).combine_chunks()

    def _chunk(self, start: int, stop: int) -> pa.Table:
        try:
            batch = self.data.batch(range(start, stop))
        except OSError as error:
            # Not to be taken for a failure to write the shard.
            raise DataError(f"{self.work.plan.recipe.part}: images {start} to {stop - 1}: {error}") from error
        table = to_table(start, batch)
        if table.schema != self.work.schema or tuple(batch.image.shape) != (stop - start, *self.work.plan.image):
            told = difference(self.work.schema, table.schema) or f"images are {tuple(batch.image.shape[1:])}"
            raise DataError(
                f"{self.work.plan.recipe.part}: images {start} to {stop - 1} differ in kind from image 0: {told}"
            )
        self.made(stop - start)
        return table


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: every worker has one core, and the number of threads cannot touch a sum's order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_here(maker: Maker, pieces: Sequence[Piece]) -> None:
    """Make shards in this process, one after the other."""
    with one_thread():
        for piece in pieces:
            maker.make(piece)


def make_in_processes(maker: Maker, pieces: Sequence[Piece], processes: int) -> None:
    """Make shards in several processes, started afresh. The first failure stops them all, within a chunk.

    Raises:
        DataError: a worker failed or died.
    """
    context = multiprocessing.get_context("spawn")
    count, stop = context.Value("q", 0), context.Event()
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(processes, len(pieces)), context, _start, (maker.work, count, stop))
    told = 0
    try:
        with _deaf_to_interrupts():
            pending: set[Future[None]] = {pool.submit(_make, piece) for piece in pieces}
        while pending:
            done, pending = wait(pending, TICK, FIRST_EXCEPTION)
            seen = count.value
            maker.made(seen - told)
            told = seen
            for future in done:
                future.result()
    except BrokenProcessPool as error:
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()  # a pool that breaks may overlook one, and wait for it for ever
        raise DataError(f"{maker.work.folder}: a worker process died (killed, or out of memory?)") from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, which reaches all of a terminal's: this one alone decides what follows."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can choose; it alone would hear Ctrl-C
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_maker: Maker
"""The maker of this worker process."""


def _start(work: Work, count: "Synchronized[int]", stop: Event) -> None:
    """Set up a worker process."""
    global _maker  # noqa: PLW0603
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(1)

    def made(images: int) -> None:
        if stop.is_set():
            raise Stopped
        with count.get_lock():
            count.value += images

    _maker = Maker(work, made)


def _make(piece: Piece) -> None:
    try:
        _maker.made(0)  # stopped while this process was starting?
        _maker.make(piece)
    except (GnmError, Stopped) as error:
        # Some errors cannot be sent between processes; their text always can.
        raise DataError(str(error)) from None


def _die_with_parent() -> None:
    """A worker whose builder was killed must not go on writing into a folder that another may build in."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
