"""How objects of one's own pictures come to be found: AP and count of every kept checkpoint, and the drawing of it.

    python docs/reproduction/own-pictures/curves.py measure RUN --name plain-seed-0 --every 2000
    python docs/reproduction/own-pictures/curves.py draw docs/pictures/own-pictures-curves.svg

`measure` takes a run whose spec names annotations, trained with `--set train.keep=100`; what it finds goes to
`results/NAME.json` beside this file. `draw` draws all that is there, a row for each number, a column for each ground.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from gnm_core import load_run
from gnm_core.evaluation import Settings, begin, choose, context_of, evaluate
from gnm_core.runs.checkpoint import Checkpoints

RESULTS = Path(__file__).resolve().parent / "results"
NUMBERS = {"AP@0.5 (11-point)": "AP@0.5", "counting accuracy": "count right"}
GROUNDS = {"plain": (0.9, 0.8), "texture": (0.8, 0.7), "photo": (0.6, 0.5)}
"""Each ground with what its numbers should reach."""
COLOURS = ("#1f5fbf", "#c8501e", "#2a8a5a")
"""By seed."""
WIDE, HIGH, LEFT, TOP, GAP = 250, 150, 46, 34, 34
"""Of a panel, in pixels; and what is left around it."""


@dataclass(frozen=True)
class Curve:
    """What one run found after so many steps."""

    ground: str
    seed: int
    rows: list[dict[str, float]]


def measure(run: Path, name: str, every: int) -> None:
    """Measure the checkpoints at multiples of `every` steps, on the test pictures."""
    torch.set_num_threads(1)
    rows = []
    for step in (step for step in Checkpoints(run).steps() if step % every == 0):
        one = load_run(run, step)
        with TemporaryDirectory() as folder:
            settings = Settings()
            choices = choose(["ap", "counting"], dims=one.spec.dims)
            found = evaluate(begin(one, run, settings), context_of(one, settings), choices, Path(folder), settings)
        row: dict[str, float] = {"step": step}
        for number in NUMBERS:
            value = found.value(number)
            if value is None or value.low is None or value.high is None:
                raise SystemExit(f"{run}: {number} could not be measured; does its spec name annotations?")
            row |= {number: value.value, f"{number}, low": value.low, f"{number}, high": value.high}
        print(row)
        rows.append(row)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")


def curves() -> list[Curve]:
    """All that were measured, by the names of their files, `plain-seed-0.json`."""
    found = []
    for path in sorted(RESULTS.glob("*.json")):
        ground, _, seed = path.stem.partition("-seed-")
        found.append(Curve(ground, int(seed), json.loads(path.read_text())))
    return found


def draw(path: Path, found: Sequence[Curve]) -> None:
    """An SVG of all curves; dashed lines are the goals."""
    most = max(row["step"] for curve in found for row in curve.rows)
    parts = []
    for across, (ground, goals) in enumerate(GROUNDS.items()):
        for down, (number, label) in enumerate(NUMBERS.items()):
            x, y = LEFT + across * (WIDE + GAP), TOP + down * (HIGH + GAP)
            parts += _panel(x, y, f"{ground}: {label}", goals[down], most)
            for curve in (one for one in found if one.ground == ground):
                points = [(x + WIDE * row["step"] / most, y + HIGH * (1 - row[number])) for row in curve.rows]
                line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
                colour = COLOURS[curve.seed % len(COLOURS)]
                parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
                parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.2" fill="{colour}"/>' for a, b in points]
    seeds = sorted({curve.seed for curve in found})
    for i, seed in enumerate(seeds):
        x = LEFT + 70 * i
        parts.append(f'<rect x="{x}" y="6" width="10" height="10" fill="{COLOURS[seed % len(COLOURS)]}"/>')
        parts.append(f'<text x="{x + 15}" y="15">seed {seed}</text>')
    width, height = LEFT + len(GROUNDS) * (WIDE + GAP), TOP + len(NUMBERS) * (HIGH + GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    style = 'font-family="system-ui, sans-serif" font-size="11" fill="#33404d">'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    path.write_text("\n".join([head + style, ground, *parts, "</svg>"]) + "\n")


def _panel(x: float, y: float, title: str, goal: float, most: float) -> list[str]:
    """Its frame, axes and goal."""
    at = y + HIGH * (1 - goal)
    parts = [
        f'<text x="{x}" y="{y - 6}" font-weight="600">{title}</text>',
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" fill="none" stroke="#c9d1d9"/>',
        f'<line x1="{x}" y1="{at:.1f}" x2="{x + WIDE}" y2="{at:.1f}" stroke="#8a949e" stroke-dasharray="4 3"/>',
    ]
    for value in (0, 0.5, 1):
        parts.append(f'<text x="{x - 5}" y="{y + HIGH * (1 - value) + 4}" text-anchor="end">{value:g}</text>')
    for quarter in range(5):
        place, step = x + WIDE * quarter / 4, int(most * quarter / 4)
        parts.append(f'<text x="{place:.1f}" y="{y + HIGH + 13}" text-anchor="middle">{step:,}</text>')
    return parts


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("run", type=Path)
    measuring.add_argument("--name", required=True, help="such as plain-seed-0")
    measuring.add_argument("--every", type=int, default=2000)
    drawing = commands.add_parser("draw")
    drawing.add_argument("path", type=Path)
    given = parser.parse_args()
    if given.command == "measure":
        measure(given.run, given.name, given.every)
    else:
        draw(given.path, curves())


if __name__ == "__main__":
    main()
