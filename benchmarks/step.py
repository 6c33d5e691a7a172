"""GNM's training step and sampling against the same model computed as published, in the same process.

    python benchmarks/step.py [--spec mnist-4 arrow-room] [--threads 2] [--repeats 7]

`plain` is one canvas per object, contiguous convolutions, activation and norm apart (`benchmarks/plain_gnm.py`): the
same function of the same weights. The two are timed in turn, step by step, and their medians and the median of the
ratios are printed. Peak memory is that of a process of its own, above what importing torch takes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from gnm_core import compose, kernels, load_spec
from gnm_core.parts.optimizers.rmsprop import RMSprop
from gnm_core.parts.schedules.constant import Constant
from gnm_core.training.allocator import keep_freed_memory
from plain_gnm import plain


def megabytes() -> float:
    """Peak resident memory of this process; `getrusage` would count the process that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


TORCH = megabytes()


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def training(model: torch.nn.Module, image: torch.Tensor, objective: torch.nn.Module, kind: str) -> Callable[[], None]:
    """A step as `gnm train` makes it; `plain` has torch's optimiser as it is."""
    rate, weights = 1e-4, model.parameters()
    optimizer = (
        torch.optim.RMSprop(weights, rate) if kind == "plain" else RMSprop(lr=Constant(value=rate)).build(weights)
    )

    def step() -> None:
        with reference(kind), torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            loss = objective(model.terms(image, 1000), 1000).total
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def reference(kind: str) -> AbstractContextManager[None]:
    return kernels.reference() if kind == "plain" else nullcontext()


def sampling(model: torch.nn.Module, kind: str) -> Callable[[], None]:
    def sample() -> None:
        with reference(kind):
            model.sample(50)

    return sample


def build(spec: str) -> tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]:
    checked = load_spec(spec, ["data=null"])
    torch.manual_seed(0)
    image = torch.rand(32, checked.dims.channels, checked.dims.size, checked.dims.size)
    return compose(checked), checked.objective(), image


def compare(spec: str, repeats: int) -> None:
    model, objective, image = build(spec)
    twin = plain(model)
    runs = {
        "plain": training(twin, image, objective, "plain"),
        "float32": training(model, image, objective, "float32"),
        "bf16": training(model, image, objective, "bf16"),
    }
    report(f"{spec}: training step, batch 32", runs, repeats)
    with torch.no_grad():  # untrained weights: make a quarter of the cells hold an object, as in the data
        drawing = model.core.generate(200)
        raw = model.head(drawing.feature_map).presence.logits / model.head.presence_scale
        for each in (model, twin):
            each.head.presence.bias -= raw.atanh().flatten().quantile(0.75)
    report(
        f"{spec}: sampling 50 scenes",
        {"plain": sampling(twin, "plain"), "float32": sampling(model, "float32")},
        repeats,
    )


def report(title: str, runs: dict[str, Callable[[], object]], repeats: int) -> None:
    for run in runs.values():
        run()
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            times[name].append(seconds(run))
    print(title)
    for name in runs:
        ratio = statistics.median(p / t for p, t in zip(times["plain"], times[name], strict=True))
        low, middle = min(times[name]), statistics.median(times[name])
        print(f"  {name:8} {middle:7.3f} s (fastest {low:.3f})   {ratio:5.2f} x plain", flush=True)


def memory(spec: str, kind: str) -> None:
    model, objective, image = build(spec)
    step = training(plain(model) if kind == "plain" else model, image, objective, kind)
    for _ in range(5):
        step()
    print(json.dumps({"peak": megabytes(), "torch": TORCH}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", nargs="+", default=["mnist-4", "arrow-room"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--keep", action="store_true", help="keep freed memory, as `gnm train` does, for `plain` as well"
    )
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.keep:
        keep_freed_memory()
    if options.memory:
        memory(options.spec[0], options.memory)
        return
    for spec in options.spec:
        compare(spec, options.repeats)
        for kind in ("plain", "float32", "bf16"):
            command = [sys.executable, __file__, "--spec", spec, "--memory", kind, "--threads", str(options.threads)]
            command += ["--keep"] if options.keep else []
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout
            )
            print(
                f"  {kind:8} peak {found['peak']:,.0f} MB, {found['peak'] - found['torch']:,.0f} above torch",
                flush=True,
            )


if __name__ == "__main__":
    main()
