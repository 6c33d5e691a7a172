"""How near the Arrow Room's looks are to scenes that a published model drew: numbers, and a sheet to look at.

python benchmarks/arrow_room_look.py [--look published] [--scenes 2000] [--soft 0.55] [--beside DIR] [--out FILE.png]

A pixel belongs to an object where it differs from the median picture by more than 0.12 in some channel. Ours are
blurred by `--soft` pixels first, as what a model's decoder draws is a little soft. DIR holds sheets of tiles of 128 px,
2 px apart and around; their numbers are printed too, and `--out` puts as many of ours beside some of them.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.looks import LOOKS
from gnm_data.arrow_room.tracer import Tracer
from PIL import Image
from scipy.ndimage import gaussian_filter

SIDE, GAP, ROWS = 128, 2, (4, 32, 64, 96, 124)


def ours(look: str, count: int, soft: float) -> np.ndarray:
    """(B, 128, 128, 3) uint8."""
    parts = []
    for start in range(0, count, 100):
        indices = range(start, min(start + 100, count))
        rooms = [layout.sample(0, "train", index, LOOKS[look]) for index in indices]  # type: ignore[index]
        blurred = gaussian_filter(Tracer().paint(rooms, SIDE).astype(np.float32), (0, soft, soft, 0))
        parts.append(blurred.round().astype(np.uint8))
    return np.concatenate(parts)


def tiles(folder: Path) -> np.ndarray:
    """(B, 128, 128, 3) uint8: those of all sheets."""
    step, found = SIDE + GAP, []
    for path in sorted(folder.glob("[0-9]*.png")):
        sheet = np.asarray(Image.open(path, formats=("PNG",)).convert("RGB"))
        for top in range(GAP, sheet.shape[0] - SIDE + 1, step):
            found += [
                sheet[top : top + SIDE, left : left + SIDE] for left in range(GAP, sheet.shape[1] - SIDE + 1, step)
            ]
    return np.stack(found)


def interval(values: np.ndarray) -> str:
    """Mean and its 95 % interval by bootstrap."""
    random = np.random.default_rng(0)
    means = [random.choice(values, len(values)).mean() for _ in range(1000)]
    return f"{values.mean():.3f} ({np.quantile(means, 0.025):.3f} to {np.quantile(means, 0.975):.3f})"


def report(name: str, pictures: np.ndarray) -> None:
    """Print what is compared."""
    x = pictures.astype(np.float32) / 255
    middle = np.median(x, axis=0)
    objects = np.abs(x - middle).max(-1) > 0.12
    saturation = (x.max(-1) - x.min(-1)) / (x.max(-1) + 1e-6)
    touching = objects[:, :, 0].any(1) | objects[:, :, -1].any(1)
    each = np.array([one[mask].mean() for one, mask in zip(saturation, objects, strict=True) if mask.any()])
    print(f"{name}: {len(x)} pictures")
    print("  something touches the left or right edge", interval(touching.astype(float)))
    print("  share of object pixels                  ", interval(objects.mean((1, 2))))
    print(
        "  their saturation                        ",
        interval(each),
        f"(90 %: {np.quantile(saturation[objects], 0.9):.3f})",
    )
    print("  background, rows 4 32 64 96 124         ", " ".join(f"{middle[row].mean():.3f}" for row in ROWS))
    eighths = objects.mean((0, 1)).reshape(8, -1).mean(1)
    print("  object pixels by eighth of the width    ", " ".join(f"{share:.3f}" for share in eighths))


def sheet(pictures: np.ndarray, across: int) -> np.ndarray:
    """Rows of pictures with gaps of white."""
    framed = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255)
    rows = [np.concatenate(framed[start : start + across], axis=1) for start in range(0, len(framed), across)]
    return np.concatenate([row for row in rows if row.shape == rows[0].shape])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", choices=list(LOOKS), default="published")
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--soft", type=float, default=0.55)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    torch.set_num_threads(1)
    made = ours(args.look, args.scenes, args.soft)
    report(f"look {args.look}, blurred by {args.soft} px", made)
    picture = sheet(made[:20], 5)
    if args.beside is not None:
        theirs = tiles(args.beside)
        report(str(args.beside), theirs)
        picture = np.concatenate(
            [sheet(theirs[:20], 5), np.full((picture.shape[0], 8, 3), 255, np.uint8), picture], axis=1
        )
    if args.out is not None:
        Image.fromarray(picture).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
