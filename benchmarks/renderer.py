"""How the cost of painting grows, `separable` against `stn`: one forward and backward pass, without the decoder.

Times are medians of interleaved runs in one process, in processor time, which other programs on the machine do not
lengthen much; of one thread unless told. Memory is the peak of a process of its own, above what it holds with
everything imported and the inputs made (Linux only).

python benchmarks/renderer.py [--repeats 7] [--threads 1] [--no-memory] [--only masks]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from einops import rearrange
from gnm_core import Dims, GlimpseDecoder, Renderer, SymbolicLatents
from gnm_render.renderers.separable import SeparableRenderer
from gnm_render.renderers.stn import STNRenderer
from torch import Tensor

RENDERERS: dict[str, type[SeparableRenderer] | type[STNRenderer]] = {"separable": SeparableRenderer, "stn": STNRenderer}
LIMIT = 4e9
"""Bytes of canvases above which a size is left out for `stn`."""


@dataclass(frozen=True)
class Size:
    """What is painted."""

    masks: bool = False
    batch: int = 32
    grid: int = 4
    glimpse: int = 32
    image: int = 128

    @property
    def channels(self) -> int:
        """Grey without masks, RGB with them, as in the paper."""
        return 3 if self.masks else 1

    @property
    def canvases(self) -> float:
        """Bytes of one canvas for every object and channel."""
        return 4.0 * self.batch * self.grid**2 * (self.channels + self.masks) * self.image**2


SWEEPS = {
    "batch": [8, 16, 32, 64],
    "grid": [2, 4, 8],
    "glimpse": [16, 32, 64],
    "image": [64, 128, 256, 512],
}


def sizes() -> Iterator[tuple[str, Size]]:
    """One thing at a time, around the size of the paper's models; images at a batch of 8."""
    for masks in (False, True):
        for name, values in SWEEPS.items():
            base = Size(masks=masks, batch=8 if name == "image" else 32)
            for value in values:
                yield name, replace(base, **{name: value})


class Given(GlimpseDecoder):
    """z^what is the glimpse itself, so that only painting is measured."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size, self.masks, self.channels = size.glimpse, size.masks, size.channels + size.masks

    def forward(self, what: Tensor) -> Tensor:
        """(N, c * s * s) → (N, c, s, s)."""
        return rearrange(what, "n (c h w) -> n c h w", c=self.channels, h=self.size)


def inputs(size: Size) -> SymbolicLatents:
    """Boxes of about their cell's size, where a trained model puts them."""
    torch.manual_seed(0)
    shape = (size.batch, size.grid, size.grid)
    extent = (0.6 + 0.6 * torch.rand(*shape, 2)) / size.grid
    cells = (2 * torch.arange(size.grid) + 1) / size.grid - 1
    centre = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), -1) + (torch.rand(*shape, 2) - 0.5) / size.grid
    return SymbolicLatents(
        presence=torch.rand(*shape, 1).requires_grad_(),
        where=torch.cat([extent, centre], -1).requires_grad_(),
        depth=torch.randn(*shape, 1).requires_grad_(),
        what=torch.rand(*shape, (size.channels + size.masks) * size.glimpse**2).requires_grad_(),
    )


def make(name: str, size: Size) -> Renderer:
    """The renderer, without a background."""
    dims = Dims(channels=size.channels, size=size.image, grid=size.grid)
    return RENDERERS[name](dims, glimpse=Given(size))


def step(renderer: Renderer, latents: SymbolicLatents) -> None:
    """One forward and one backward pass."""
    renderer(latents).image.square().sum().backward()
    for value in vars(latents).values():
        value.grad = None


def seconds(size: Size, names: list[str], repeats: int) -> dict[str, float]:
    """Median time of a step of each renderer, taken in turns."""
    latents = inputs(size)
    renderers = {name: make(name, size) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for i in range(repeats + 1):
        for name, renderer in renderers.items():
            start = time.process_time()
            step(renderer, latents)
            if i > 0:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def memory(kind: str) -> float:
    """Megabytes that this process holds (`VmRSS`), or held at most since `forget_peak` (`VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def forget_peak() -> None:
    """Begin to look for the peak anew."""
    Path("/proc/self/clear_refs").write_text("5")


def megabytes(size: Size, name: str, threads: int) -> float:
    """Peak of three steps in a process of its own, above its start."""
    command = [sys.executable, __file__, "--measure", name, json.dumps(asdict(size)), "--threads", str(threads)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(name: str, size: Size) -> None:
    """Print the peak of three steps above that of a tiny one."""
    step(make(name, Size(masks=size.masks, batch=1, grid=1, glimpse=4, image=8)), inputs(Size(size.masks, 1, 1, 4, 8)))
    latents, renderer = inputs(size), make(name, size)
    forget_peak()
    start = memory("VmRSS")
    for _ in range(3):
        step(renderer, latents)
    print(memory("VmHWM") - start)


def main() -> None:
    """Print a table of all sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--only", choices=["masks", "plain"], help="one variant")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.measure:
        measure(options.measure[0], Size(**json.loads(options.measure[1])))
        return
    print(f"torch {torch.__version__}, threads: {options.threads}, float32, runs: {options.repeats}\n")
    print("| varied | masks | batch | grid | glimpse | image | separable | stn | times faster | separable | stn |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for varied, size in sizes():
        if options.only and size.masks != (options.only == "masks"):
            continue
        names = [name for name in RENDERERS if name == "separable" or size.canvases < LIMIT]
        took = seconds(size, names, options.repeats)
        held = {} if options.no_memory else {name: megabytes(size, name, options.threads) for name in names}
        ms = {name: f"{1000 * took[name]:.1f} ms" if name in took else "–" for name in RENDERERS}
        mb = {name: f"{held[name]:.0f} MB" if name in held else "–" for name in RENDERERS}
        ratio = f"{took['stn'] / took['separable']:.1f}" if "stn" in took else "–"
        what = f"{size.batch} | {size.grid} | {size.glimpse} | {size.image}"
        print(
            f"| {varied} | {'yes' if size.masks else 'no'} | {what} | {ms['separable']} | {ms['stn']} | {ratio} "
            f"| {mb['separable']} | {mb['stn']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
