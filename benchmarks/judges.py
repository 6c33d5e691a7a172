"""How often judges accept real scenes and reject broken ones, and how fast they are.

python benchmarks/judges.py [--digits-dir DIR] [--count 2000] [--sizes 128 64] [--rules mnist-4 mnist-10 ...]

Every scene is of the test split: its digits or its room were never trained on. Intervals are 95 % (Wilson).
Blurred: Gaussian of 1 px at 128 px. Noisy: normal of standard deviation 0.1.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from gnm_core.contracts import Judge
from gnm_core.dims import Dims
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.digits.contract import DigitSource
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.digits.mnist import MnistDigits
from gnm_data.judges import breakage, room_breakage
from gnm_data.judges.arrow_room import ArrowRoomJudge
from gnm_data.judges.distort import blur, noise
from gnm_data.judges.mnist4 import Mnist4Judge
from gnm_data.judges.mnist10 import Mnist10Judge
from gnm_data.judges.mnist410 import Mnist410Judge
from gnm_data.judges.tally import tally
from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.scenes.mnist410 import Mnist410
from torch import Tensor

DIGITS: dict[str, tuple[type[DigitScenes], Callable[[], Judge]]] = {
    "mnist-4": (Mnist4, Mnist4Judge),
    "mnist-10": (Mnist10, Mnist10Judge),
    "mnist-4-10": (Mnist410, Mnist410Judge),
}


def mild(real: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Real scenes as they are, and mildly disturbed."""
    count, unit = len(real), real.shape[-1] / 128
    yield "real", real
    yield "blurred", blur(real, torch.full((count,), unit))
    yield "noisy", noise(real, torch.full((count,), 0.1), torch.Generator().manual_seed(0))


def digit_scenes(data: DigitScenes, count: int) -> Iterator[tuple[str, Tensor]]:
    indices = np.arange(count)
    yield from mild(data.batch(indices).image)
    for kind in breakage.kinds(data):
        yield kind.__name__.replace("_", " "), breakage.broken(data, kind, indices)


def rooms(count: int, size: int) -> Iterator[tuple[str, Tensor]]:
    painter = Tracer()
    data = ArrowRoom(Dims(channels=3, size=size), painter=painter, test=count).at("test")
    yield from mild(data.batch(np.arange(count)).image)
    for kind in room_breakage.KINDS:
        made = [room_breakage.broken(kind, "test", index) for index in range(count)]
        pictures = np.concatenate([painter.paint(made[i : i + 50], size) for i in range(0, count, 50)])
        yield kind.__name__, torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255


def report(title: str, judge: Judge, scenes: Iterator[tuple[str, Tensor]]) -> None:
    print(
        f"\n{title}\n\n| scenes | number | accepted | rejected | 95 % interval | scenes/s |\n|---|---|---|---|---|---|"
    )
    for name, images in scenes:
        judge.judge(images[:64])
        start = time.perf_counter()
        counted = tally(judge.judge(images))
        rate = len(images) / (time.perf_counter() - start)
        accepted, (low, high) = counted.share, counted.interval
        real = name in ("real", "blurred", "noisy")
        columns = (f"{100 * accepted:.2f} %", "") if real else ("", f"{100 * (1 - accepted):.2f} %")
        bounds = (low, high) if real else (1 - high, 1 - low)
        print(
            f"| {name} | {len(images):,} | {columns[0]} | {columns[1]} "
            f"| {100 * bounds[0]:.2f} to {100 * bounds[1]:.2f} % | {rate:,.0f} |",
            flush=True,
        )
        worst = counted.reasons.most_common(3) if real else []
        for reason, number in worst:
            print(f"| – {reason} | {number} | | | | |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits-dir", type=Path, help="folder of the MNIST files; tested besides the embedded digits")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--rules", nargs="+", default=[*DIGITS, "arrow-room"])
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    sources: dict[str, DigitSource] = {"embedded digits": EmbeddedDigits()}
    if arguments.digits_dir:
        sources = {"MNIST digits": MnistDigits(dir=arguments.digits_dir), **sources}
    for rule in arguments.rules:
        for size in arguments.sizes:
            if rule == "arrow-room":
                report(f"{rule}, {size} px", ArrowRoomJudge(), rooms(arguments.count, size))
                continue
            kind, judge = DIGITS[rule]
            for source, digits in sources.items():
                data = kind(Dims(channels=1, size=size), digits=digits, test=arguments.count, split="test")
                report(f"{rule}, {size} px, {source}", judge(), digit_scenes(data, arguments.count))


if __name__ == "__main__":
    main()
