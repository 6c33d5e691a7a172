"""Scenes per second on one core, ground truth and conversion to float32 included.

python benchmarks/data.py [--digits-dir DIR] [--batch 32] [--repeats 9]
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from gnm_core.contracts import Data
from gnm_core.schema import DataSpec
from gnm_core.spec import load_spec


def rate(data: Data, batch: int, repeats: int) -> float:
    """Median over repeats of the rate at which batches of a shuffled epoch come; caches are warm."""
    order = data.order(0, 0)[: 20 * batch].reshape(20, batch)
    for indices in order:
        data.batch(indices)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        for indices in order:
            data.batch(indices)
        rates.append(order.size / (time.perf_counter() - start))
    return statistics.median(rates)


def first_batch(data: Data, batch: int) -> float:
    """Seconds until the first batch is there: reading and scaling digits included."""
    start = time.perf_counter()
    data.batch(np.arange(batch))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits-dir", type=Path, help="folder of the MNIST files; the embedded digits otherwise")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    digits = "embedded" if args.digits_dir is None else {"use": "mnist", "dir": str(args.digits_dir)}
    print(f"{'data':12} {'px':>4} {'scenes/s':>9} {'first batch':>12}")
    for name in ("mnist-4", "mnist-10", "mnist-4-10"):
        for size in (64, 128, 256):
            spec = {"dims": {"channels": 1, "size": size}, "data": {"use": name, "digits": digits}}
            data = load_spec(spec, top=DataSpec).data()
            wait = first_batch(data, args.batch)
            print(f"{name:12} {size:4} {rate(data, args.batch, args.repeats):9,.0f} {wait:10.2f} s")


if __name__ == "__main__":
    main()
