"""How fast a folder of large photographs becomes training pictures: `python benchmarks/photographs.py`.

Makes a few JPEGs of 3000 x 2000 pixels in a temporary folder under many names, reads all once with each number of
threads, then again from memory, in batches as a training does. On Linux.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gnm_core.dims import Dims
from gnm_core.parts.data.image_folder import ImageFolder
from PIL import Image

BATCH = 16
DIFFERENT = 8
"""Photographs that are made; the others are further names of them, and decoded all the same."""


def photographs(folder: Path, count: int, width: int, height: int) -> None:
    """Smooth shapes with a grain, which compress as photographs do: some 1.5 MB each."""
    random = np.random.default_rng(0)
    for i in range(min(count, DIFFERENT)):
        coarse = Image.fromarray(random.integers(0, 256, (24, 36, 3), np.uint8)).resize((width, height), 3)
        grain = random.normal(0, 6, (height, width, 1)).astype(np.float32)
        pixels = (np.asarray(coarse, np.float32) + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:05}.jpg", quality=88)
    for i in range(DIFFERENT, count):
        (folder / f"{i:05}.jpg").hardlink_to(folder / f"{i % DIFFERENT:05}.jpg")


@dataclass(frozen=True)
class Rate:
    """Of one epoch."""

    pictures: float
    """A second."""
    per_core: float
    """A second of processor time, which other programs on the machine do not change."""


def rate(data: ImageFolder) -> Rate:
    """Read every picture once, in batches."""
    begun, spent, order = time.perf_counter(), time.process_time(), data.order(0, 0)
    for start in range(0, len(order), BATCH):
        data.batch(order[start : start + BATCH])
    return Rate(len(order) / (time.perf_counter() - begun), len(order) / (time.process_time() - spent))


def memory(name: str) -> int:
    """KiB of this process, as Linux counts; `getrusage` would count the peak of the process that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def measure(folder: Path, size: int, threads: list[int], cache: int) -> None:
    """One epoch that decodes and one from memory, with each number of threads."""
    before = memory("VmRSS")
    for number in threads:
        dims = Dims(channels=3, size=size)
        data = ImageFolder(dims, dir=folder, validation=0, test=0, threads=number, cache=cache)
        for epoch, found in (("first", rate(data)), ("second", rate(data))):
            text = f"{found.pictures:,.0f} pictures/s, {found.per_core:,.0f} a second of processor time"
            print(f"{number} threads, {epoch} epoch: {text}", flush=True)
    print(f"peak memory: {(memory('VmHWM') - before) / 1024:,.0f} MiB above what importing takes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--photo", type=int, nargs=2, default=(3000, 2000), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--cache", type=int, default=512, help="megabytes of fitted pictures that are kept")
    parser.add_argument("--folder", type=Path, help="measure the pictures in this folder, and make none")
    given = parser.parse_args()
    if given.folder is not None:
        measure(given.folder, given.size, given.threads, given.cache)
        return
    with tempfile.TemporaryDirectory() as name:
        photographs(Path(name), given.count, *given.photo)
        size = sum(file.stat().st_size for file in Path(name).iterdir()) / given.count / 1e6
        photo = " x ".join(map(str, given.photo))
        print(f"{given.count} JPEGs of {photo}, {size:.1f} MB each, at {given.size} px", flush=True)
        threads = map(str, given.threads)
        measured = ("--folder", name, "--size", str(given.size), "--cache", str(given.cache), "--threads", *threads)
        subprocess.run([sys.executable, __file__, *measured], check=True)  # by itself, for its memory


if __name__ == "__main__":
    main()
