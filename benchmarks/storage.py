"""How fast data sets are stored and read back, on the disk that holds the temporary folder.

python benchmarks/storage.py [--data mnist-10 arrow-room] [--count 2000] [--size 128] [--repeats 5]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from gnm_core.dims import Dims
from gnm_data.cli.source import chosen
from gnm_data.storage import Parquet, Source, build, recipe_of, verify

BATCH = 32
RANKS = 8


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_rate(count: int, repeats: int, work: Callable[[], object]) -> float:
    return count / statistics.median(seconds(work) for _ in range(repeats))


def reading(dims: Dims, folder: Path, share: slice) -> Callable[[], None]:
    """Read an epoch, or one rank's share of each batch of it, with an empty cache."""

    def read() -> None:
        stored = Parquet(dims, dir=folder)
        for batch in stored.order(0, 0)[: len(stored) // BATCH * BATCH].reshape(-1, BATCH):
            stored.batch(batch[share])

    return read


def random_access(dims: Dims, folder: Path) -> Callable[[], None]:
    def read() -> None:
        stored = Parquet(dims, dir=folder, window=1)
        random = np.random.default_rng(0)
        for _ in range(20):
            stored.batch(random.integers(0, len(stored), BATCH))

    return read


def row_groups(dims: Dims, folder: Path) -> Callable[[], None]:
    """Read every row group without decoding a picture."""

    def read() -> None:
        stored = Parquet(dims, dir=folder)
        rows = stored.rows
        for start in rows.bounds()[0].tolist():
            rows.read(start // rows.split.shard_size, start % rows.split.shard_size // rows.group)

    return read


def report(name: str, count: int, size: int, repeats: int) -> None:
    checked = chosen(name, None, (f"dims.size={size}",))
    dims, source = checked.dims, Source(checked.resolved(), "train")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for processes in (1, 2):
            rate = count / seconds(
                lambda processes=processes: build(  # type: ignore[misc]
                    source,
                    recipe_of(checked),
                    folder / str(processes),
                    count=count,
                    shard_size=250,
                    processes=processes,
                )
            )
            print(f"{name} {size} px: build, {processes} process(es), start included: {rate:,.0f} images/s")
        stored = folder / "1"
        total = sum(path.stat().st_size for path in stored.rglob("*.parquet"))
        groups = len(Parquet(dims, dir=stored).rows.bounds()[0])
        print(f"  {total / count / 1e3:,.1f} kB an image, {count / groups:,.0f} images a row group")
        print(f"  verify: {median_rate(total, repeats, lambda: verify(stored)) / 1e6:,.0f} MB/s")
        epoch = median_rate(count, repeats, reading(dims, stored, slice(None)))
        print(f"  read an epoch in its order, batches of {BATCH}: {epoch:,.0f} images/s")
        share = median_rate(count // RANKS, repeats, reading(dims, stored, slice(0, BATCH // RANKS)))
        print(f"  the same as one of {RANKS} ranks: {share:,.0f} images/s, {share / epoch:.0%} of that")
        print(f"  row groups alone, not decoded: {median_rate(count, repeats, row_groups(dims, stored)):,.0f} images/s")
        print(f"  random access: {median_rate(20 * BATCH, repeats, random_access(dims, stored)):,.0f} images/s")


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
