"""CPU seconds per image of the Arrow Room's painters, their noise, and how far apart they are.

python benchmarks/arrow_room.py [--look studio] [--scenes 12] [--size 128] [--repeats 5] [--cycles PYTHON]
                                [--out FILE.png]
python benchmarks/arrow_room.py --stored docs/arrow-room.png

First it says how many scenes a second one core delivers, with pictures and ground truth, at 64 and 128 px.

Noise is the PSNR of an image against the same painter with many more rays. With `--cycles` (an interpreter that has
`bpy`), Blender is measured too and both painters are compared; `--out` draws both, and below their difference,
magnified four times around grey. `--stored` reads what `--out` drew in the look `studio`, and says how near today's
tracer and the one that drew it come to Blender: that needs no Blender, and measures nothing else.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from gnm_core.dims import Dims
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.cycles import Cycles
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.look import Look
from gnm_data.arrow_room.looks import LOOKS
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.arrow_room.truth import truth
from PIL import Image


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a / 255.0 - b / 255.0) ** 2)))


def cost(work: Callable[[Room], object], rooms: list[Room], repeats: int) -> float:
    """Median over images and repeats of CPU seconds per image, in this process."""
    seconds = []
    for _ in range(repeats):
        for room in rooms:
            start = time.process_time()
            work(room)
            seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def rate(look: str, side: int, batch: int = 32, repeats: int = 7) -> float:
    """Median over batches of scenes per CPU second, as the data set gives them."""
    data = ArrowRoom(Dims(channels=3, size=side), painter=Tracer(), look=look)  # type: ignore[arg-type]
    rates = []
    for number in range(repeats):
        start = time.process_time()
        data.batch(range(batch * number, batch * (number + 1)))
        rates.append(batch / (time.process_time() - start))
    return statistics.median(rates)


def children() -> float:
    """CPU seconds of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cycles_cost(python: Path, samples: int, rooms: list[Room], size: int) -> tuple[np.ndarray, float]:
    """Pictures, and CPU seconds per picture; the start of Blender, measured with one small picture, is not counted."""
    before = children()
    painter = Cycles(python=python, samples=1)
    painter.paint([Room(())], 8)
    painter.close()
    start, before = children() - before, children()
    painter = Cycles(python=python, samples=samples)
    pictures = painter.paint(rooms, size)
    painter.close()
    return pictures, (children() - before - start) / len(rooms)


def by_material(rooms: list[Room], values: list[float]) -> str:
    """Median and range over the scenes of each material."""
    parts = []
    for material in ("rubber", "metal"):
        some = [value for room, value in zip(rooms, values, strict=True) if room.material == material]
        if some:
            parts.append(f"{material} {statistics.median(some):.1f} ({min(some):.1f}-{max(some):.1f})")
    return ", ".join(parts)


def drawn(rooms: list[Room]) -> list[int]:
    """Indices of the rooms that `--out` draws: the first two of each material."""
    return [
        index
        for material in ("rubber", "metal")
        for index in [index for index, room in enumerate(rooms) if room.material == material][:2]
    ]


def compare_stored(path: Path) -> None:
    """Print how near today's tracer, and the one of a drawing of `--out`, come to the pictures of Cycles there."""
    everything = [layout.sample(7, "test", index, LOOKS["studio"]) for index in range(12)]
    rooms = [everything[index] for index in drawn(everything)]
    with Image.open(path, formats=("PNG",)) as image:
        rows = np.asarray(image.convert("RGB"))
    then, theirs, _ = rearrange(rows, "(row y) (b x) c -> row b y x c", row=3, b=len(rooms))
    now = Tracer().paint(rooms, theirs.shape[1])
    print(f"{path}: PSNR, dB, median (range)")
    print("  the tracer that drew it against cycles:", by_material(rooms, [*map(psnr, then, theirs)]))
    print("  today's tracer against cycles:         ", by_material(rooms, [*map(psnr, now, theirs)]))
    print(f"  values of the two tracers that differ:  {np.count_nonzero(then != now)} of {now.size}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", choices=list(LOOKS), default="studio")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cycles", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--stored", type=Path)
    args = parser.parse_args()

    torch.set_num_threads(1)
    if args.stored is not None:
        compare_stored(args.stored)
        return
    for side in (64, 128):
        print(f"{rate(args.look, side):.0f} scenes a second on one core at {side} px, look {args.look}")
    look: Look = LOOKS[args.look]
    rooms = [layout.sample(7, "test", index, look) for index in range(args.scenes)]
    size, tracer = args.size, Tracer()
    ours = tracer.paint(rooms, size)
    print(f"{args.scenes} scenes at {size} px, CPU seconds per image (median of {args.repeats} runs over all scenes)")
    indices = iter(range(10**9))
    print(f"  layout       {cost(lambda _: layout.sample(7, 'train', next(indices), look), rooms, args.repeats):.4f}")
    print(f"  truth        {cost(lambda room: truth([room], size), rooms, args.repeats):.4f}")
    for material in ("rubber", "metal"):
        some = [room for room in rooms if room.material == material]
        print(f"  tracer       {cost(lambda room: tracer.paint([room], size), some, args.repeats):.4f} ({material})")
    print(f"  tracer       {cost(lambda room: tracer.paint([room], size), rooms, args.repeats):.4f}")
    many = Tracer(antialias=16, shadow=4).paint(rooms, size)
    print("PSNR, dB, median (range)")
    print("  tracer against itself with 256 rays a pixel:", by_material(rooms, [*map(psnr, ours, many)]))
    if args.cycles is None:
        return

    few, seconds = cycles_cost(args.cycles, 16, rooms, size)
    print(f"CPU seconds per image of cycles with 16 samples and denoiser: {seconds:.2f}")
    theirs = Cycles(python=args.cycles, samples=512).paint(rooms, size)
    print("PSNR, dB, median (range)")
    print("  cycles against itself with 512 samples:     ", by_material(rooms, [*map(psnr, few, theirs)]))
    print("  tracer against cycles with 512 samples:     ", by_material(rooms, [*map(psnr, ours, theirs)]))
    print("  tracer, 256 rays, against cycles, 512:      ", by_material(rooms, [*map(psnr, many, theirs)]))
    if args.out is not None:
        shown = drawn(rooms)
        difference = np.clip(128 + 4 * (ours.astype(int) - theirs), 0, 255).astype(np.uint8)
        rows = [np.concatenate([pictures[index] for index in shown], axis=1) for pictures in (ours, theirs, difference)]
        Image.fromarray(np.concatenate(rows)).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
