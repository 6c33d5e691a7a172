"""How often judges accept real scenes and reject broken ones, and how fast they are.

python benchmarks/judges.py [--digits-dir DIR] [--count 2000] [--sizes 128 64] [--rules mnist-4 mnist-10 ...]
                            [--scenes real replaced ...] [--threads N] [--published DIR]

With --published DIR, which holds the published sheets 0.png and 1.png of the Arrow Room, also: on how many of their 50
tiles each its judge agrees with a person, and how many of those broken by hand it refuses.

Every scene is of the test split: its digits or its room were never trained on. Intervals are 95 % (Wilson).
Blurred: Gaussian of 1 px at 128 px. Noisy: normal of standard deviation 0.1. Speed is that of real scenes.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from gnm_core.contracts import Judge
from gnm_core.dims import Dims
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.looks import LOOKS, LookName
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.digits.contract import DigitSource
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.digits.mnist import MnistDigits
from gnm_data.judges import digit_corruptions, room_corruptions
from gnm_data.judges.arrow_room import ArrowRoomJudge
from gnm_data.judges.augmentation import blur, noise
from gnm_data.judges.labelled import agreement, read_labels, tiles
from gnm_data.judges.labelled_corruptions import KINDS, LabelledPicture
from gnm_data.judges.labelled_corruptions import corrupted as corrupted_by_hand
from gnm_data.judges.mnist4 import Mnist4Judge
from gnm_data.judges.mnist10 import Mnist10Judge
from gnm_data.judges.mnist410 import Mnist410Judge
from gnm_data.judges.summary import VerdictSummary, summarise
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


GOOD = ("real", "blurred", "noisy")
"""Scenes that should be accepted; all others should be rejected."""

SOFT = 1.5
"""Standard deviation of the blur that softens broken rooms, in 128ths of the picture."""
LABELS = Path(__file__).parents[1] / "tests" / "data" / "judges" / "published_rooms.json"
"""What a person saw on the published sheets."""

Scenes = dict[str, Callable[[], Tensor]]
"""What makes the pictures (B, C, H, W) of each kind."""


def mild(make: Callable[[], Tensor]) -> Scenes:
    """Real scenes as they are, and mildly disturbed."""

    def blurred() -> Tensor:
        real = make()
        return blur(real, torch.full((len(real),), real.shape[-1] / 128))

    def noisy() -> Tensor:
        real = make()
        return noise(real, torch.full((len(real),), 0.1), torch.Generator().manual_seed(0))

    return {"real": make, "blurred": blurred, "noisy": noisy}


def digit_scenes(data: DigitScenes, count: int) -> Scenes:
    indices = np.arange(count)
    corrupted = {
        kind.__name__.replace("_", " "): partial(digit_corruptions.corrupted, data, kind, indices)
        for kind in digit_corruptions.kinds(data)
    }
    return mild(lambda: data.batch(indices).image) | corrupted


def rooms(count: int, size: int, look: LookName) -> Scenes:
    painter = Tracer()
    data = ArrowRoom(Dims(channels=3, size=size), painter=painter, look=look, test=count).at("test")

    def corrupted(kind: room_corruptions.Corruption) -> Tensor:
        made = [room_corruptions.corrupted(kind, "test", index, look=LOOKS[look]) for index in range(count)]
        pictures = np.concatenate([painter.paint(made[i : i + 50], size) for i in range(0, count, 50)])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255

    def softened(kind: room_corruptions.Corruption) -> Tensor:
        pictures = corrupted(kind)
        return blur(pictures, torch.full((count,), SOFT * size / 128))

    return (
        mild(lambda: data.batch(np.arange(count)).image)
        | {kind.__name__: partial(corrupted, kind) for kind in room_corruptions.KINDS}
        | {f"{kind.__name__} and softened": partial(softened, kind) for kind in room_corruptions.KINDS}
    )


@dataclass(frozen=True)
class Column:
    """What one judge did with scenes of one size and source."""

    title: str
    summaries: dict[str, VerdictSummary]
    rate: float
    """Real scenes a second."""


def measure(title: str, judge: Judge, scenes: Scenes, wanted: list[str] | None) -> Column:
    summaries, rate = {}, 0.0
    for name, make in scenes.items():
        if wanted and name not in wanted:
            continue
        images = make()
        judge.judge(images[:64])
        start = time.perf_counter()
        summaries[name] = summarise(judge.judge(images))
        if name == "real":
            rate = len(images) / (time.perf_counter() - start)
        print(f"{title}, {name}: {summaries[name]} {dict(summaries[name].reasons.most_common(3))}", file=sys.stderr)
    return Column(title, summaries, rate)


def cell(name: str, summary: VerdictSummary, asked: int) -> str:
    """Share that is judged rightly, with its interval; of fewer scenes than asked for, their number."""
    share, (low, high) = summary.share, summary.interval
    if name not in GOOD:
        share, low, high = 1 - share, 1 - high, 1 - low
    fewer = "" if summary.judged == asked else f" of {summary.judged:,}"
    return f"{100 * share:.2f} ({100 * low:.2f} to {100 * high:.2f}){fewer}"


def table(columns: list[Column], asked: int) -> str:
    """Markdown."""
    names = list(dict.fromkeys(name for column in columns for name in column.summaries))
    lines = [["scenes, %", *(column.title for column in columns)], ["---"] * (len(columns) + 1)]
    for name in names:
        lines.append([name + (" accepted" if name in GOOD else " rejected")])
        lines[-1] += [cell(name, column.summaries[name], asked) for column in columns]
    lines.append(["scenes/s", *(f"{column.rate:,.0f}" for column in columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def published(folder: Path) -> str:
    """Markdown: what the judge of the Arrow Room makes of each published sheet."""
    columns = []
    for number in (0, 1):
        labels = [label for label in read_labels(LABELS) if label.sheet == number]
        images = tiles(folder / f"{number}.png", columns=5, rows=10, size=128)
        sheet = [LabelledPicture(images[label.tile], label) for label in labels]
        judge, found = ArrowRoomJudge(), {}
        agreed = [agreement(label, reading) for label, reading in zip(labels, judge.read(stacked(images)), strict=True)]
        for aspect in ("shapes", "materials", "target", "verdict"):
            same = [getattr(one, aspect) for one in agreed]
            missed = [str(label.tile) for label, fits in zip(labels, same, strict=True) if not fits]
            found[f"{aspect} as a person says"] = f"{sum(same)} of {len(same)}" + (
                f"; not tile {', '.join(missed)}" if missed else ""
            )
        for kind in KINDS:
            verdicts = judge.judge(stacked(corrupted_by_hand(kind, sheet)))
            refused = sum(not verdict.accepted for verdict in verdicts)
            found[f"{kind.__name__.replace('_', ' ')}, refused"] = f"{refused} of {len(verdicts)}"
        columns.append(found)
    lines = [["tiles", "sheet 0", "sheet 1"], ["---"] * 3]
    lines += [[name, *(str(column[name]) for column in columns)] for name in columns[0]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def stacked(images: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits-dir", type=Path, help="folder of the MNIST files; tested besides the embedded digits")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--rules", nargs="*", default=[*DIGITS, "arrow-room"], choices=[*DIGITS, "arrow-room"])
    parser.add_argument("--scenes", nargs="+", metavar="KIND", help="such as real or replaced; by default all")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--published", type=Path, metavar="DIR", help="folder of the published sheets 0.png and 1.png")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sources: dict[str, DigitSource] = {"embedded digits": EmbeddedDigits()}
    if arguments.digits_dir:
        sources = {"MNIST": MnistDigits(dir=arguments.digits_dir), **sources}
    for rule in arguments.rules:
        columns = []
        for size in arguments.sizes:
            if rule == "arrow-room":
                for look in LOOKS:
                    scenes = rooms(arguments.count, size, look)
                    columns.append(measure(f"{look}, {size} px", ArrowRoomJudge(), scenes, arguments.scenes))
                continue
            kind, judge = DIGITS[rule]
            for source, digits in sources.items():
                data = kind(Dims(channels=1, size=size), digits=digits, test=arguments.count, split="test")
                scenes = digit_scenes(data, arguments.count)
                columns.append(measure(f"{source}, {size} px", judge(), scenes, arguments.scenes))
        print(f"\n{rule}: {arguments.count:,} scenes each, {arguments.threads} threads\n")
        print(table(columns, arguments.count), flush=True)
    if arguments.published:
        print(f"\npublished tiles\n\n{published(arguments.published)}")


if __name__ == "__main__":
    main()
