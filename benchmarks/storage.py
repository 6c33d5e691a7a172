"""How fast data sets are stored and read back, on the disk that holds the temporary folder.

Building includes the start of its processes. Reading is one thread and comes from the page cache: its rates are
per second of processor time, which other programs do not disturb.

python benchmarks/storage.py [--data mnist-10 arrow-room] [--count 2000] [--size 128] [--repeats 5]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from gnm_data.cli.source import chosen
from gnm_data.storage import Parquet, Source, build, recipe_of, verify

BATCH = 32
RANKS = 8


def median_rate(count: int, repeats: int, work: Callable[[], object]) -> float:
    """`count` by the median of the processor seconds that the work takes."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return count / statistics.median(taken)


def reading(stored: Parquet, share: slice) -> Callable[[], None]:
    """Read an epoch, or one rank's share of each batch of it, with an empty cache."""

    def read() -> None:
        stored.rows.read.cache_clear()
        for batch in stored.order(0, 0)[: len(stored) // BATCH * BATCH].reshape(-1, BATCH):
            stored.batch(batch[share])

    return read


def random_access(stored: Parquet) -> Callable[[], None]:
    """Read batches from all over the data set; hardly any finds its row group in memory."""

    def read() -> None:
        random = np.random.default_rng(0)
        for _ in range(20):
            stored.batch(random.integers(0, len(stored), BATCH))

    return read


def row_groups(stored: Parquet) -> Callable[[], None]:
    """Read every row group without decoding a picture."""

    def read() -> None:
        rows = stored.rows
        rows.read.cache_clear()
        for start in rows.bounds()[0].tolist():
            rows.read(start // rows.split.shard_size, start % rows.split.shard_size // rows.group)

    return read


def report(name: str, count: int, size: int, repeats: int) -> None:
    checked = chosen(name, None, (f"dims.size={size}",))
    dims, source = checked.dims, Source(checked.resolved(), "train")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for processes in (1, 2):
            start, spent = time.perf_counter(), sum(os.times()[:4])
            build(
                source,
                recipe_of(checked),
                folder / str(processes),
                count=count,
                shard_size=250,
                processes=processes,
            )
            wall, spent = time.perf_counter() - start, sum(os.times()[:4]) - spent
            rates = f"{count / wall:,.0f} images/s, {count / spent:,.0f} per second of processor time"
            print(f"{name}, {size} px, {count:,} images: build with {processes} process(es): {rates}")
        place = folder / "1"
        total = sum(path.stat().st_size for path in place.rglob("*.parquet"))
        whole, images = (Parquet(dims, dir=place, truth=truth) for truth in (True, False))
        print(f"  {total / count / 1e3:,.1f} kB an image, {len(whole) / len(whole.rows.bounds()[0]):,.0f} a row group")
        print(f"  verify: {median_rate(total, repeats, lambda: verify(place)) / 1e6:,.0f} MB/s")
        for what, stored in (("images and truth", whole), ("images alone", images)):
            epoch = median_rate(count, repeats, reading(stored, slice(None)))
            share = median_rate(count // RANKS, repeats, reading(stored, slice(0, BATCH // RANKS)))
            groups = median_rate(count, repeats, row_groups(stored))
            one_group = Parquet(dims, dir=place, truth=stored.truth, window=1)
            anywhere = median_rate(20 * BATCH, repeats, random_access(one_group))
            print(f"  {what}, images/s: an epoch in its order {epoch:,.0f}; as one of {RANKS} ranks {share:,.0f};")
            print(f"    row groups without decoding {groups:,.0f}; random access {anywhere:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["mnist-10", "arrow-room"], help="data sets by name")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.data:
        report(name, args.count, args.size, args.repeats)


if __name__ == "__main__":
    main()
