"""Training steps of every model: time, memory, size, arithmetic.

    python benchmarks/models.py --out docs/models-benchmark.md

Each row runs in a process of its own, so that its peak memory is its own. On a machine that others use too, wall time
says little; CPU time on one thread (`--threads 1`, the default) says more, and the matrix product that each row is
compared with is measured in the same process, the same way. `plain` rows compute the same functions of the same weights
layer by layer, as the published implementations do (`gnm_core.kernels.reference`).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext

FIVE = ["model.attention.channels=[32, 32, 64, 64, 64]", "model.attention.strides=[2, 2, 2, 1, 1]"]
CASES: dict[str, tuple[str, list[str]]] = {
    "GNM, MNIST-4": ("mnist-4", []),
    "GNM, Arrow Room": ("arrow-room", []),
    "VAE, Arrow Room": ("vae-arrow-room", []),
    "ConvDRAW 4, MNIST-4": ("convdraw-4-mnist-4", []),
    "ConvDRAW 4, Arrow Room": ("convdraw-4-arrow-room", []),
    "GENESIS five layers, Arrow Room": ("genesis-arrow-room", FIVE),
    "GENESIS seven layers, Arrow Room": ("genesis-arrow-room", []),
    "SPACE, Arrow Room": ("space-arrow-room", []),
}
PLAIN = ("GENESIS", "SPACE")
WORK = ("batch", "threads", "repeats")


def megabytes() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median_time(run: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return statistics.median(times)


def measure(
    spec: str, overrides: list[str], plain: bool, *, batch: int, threads: int, repeats: int
) -> dict[str, float]:
    """One row, in this process."""
    import torch

    torch.set_num_threads(threads)
    library = megabytes()
    from gnm_core import kernels, load_spec
    from gnm_core.training.allocator import keep_freed_memory
    from torch.utils.flop_counter import FlopCounterMode

    if not plain:
        keep_freed_memory()  # as `gnm train` does
    clock = time.process_time if threads == 1 else time.perf_counter
    square = torch.randn(2048, 2048)
    matmul = min(median_time(lambda: square @ square, 1, clock) for _ in range(5))
    rate = 2 * 2048**3 / matmul / 1e9

    checked = load_spec(spec, overrides)
    model, objective = checked.model().train(), checked.objective()
    size = sum(p.numel() for p in model.parameters())
    torch.manual_seed(0)
    image = torch.rand(batch, checked.dims.channels, checked.dims.size, checked.dims.size)

    def step(number: int = 1000) -> None:
        with kernels.reference() if plain else nullcontext():
            objective(model.terms(image, number), number).total.backward()
        model.zero_grad(set_to_none=True)

    step()
    seconds = median_time(step, repeats, clock)
    peak = megabytes()
    few = image[:2]
    with FlopCounterMode(display=False) as counter, kernels.reference() if plain else nullcontext():
        objective(model.terms(few, 1000), 1000).total.backward()
    gigaflop = counter.get_total_flops() / 2 * batch / 1e9
    return {
        "seconds": seconds,
        "megabytes": peak,
        "library": library,
        "parameters": size,
        "gigaflop": gigaflop,
        "share": gigaflop / seconds / rate,
        "rate": rate,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--out", help="also write the table to this file")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        name, plain = options.row.removesuffix(" (plain)"), options.row.endswith(" (plain)")
        print(json.dumps(measure(*CASES[name], plain, **{key: getattr(options, key) for key in WORK})))
        return
    clock = "CPU s" if options.threads == 1 else "s"
    lines = [
        f"Batch {options.batch}, {options.threads} thread(s), median of {options.repeats} steps.",
        "",
        f"| model | {clock} per step | peak MB | MB above torch | parameters | GFLOP per step | share of matmul rate |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for case in CASES:
        rows = [case, f"{case} (plain)"] if case.startswith(PLAIN) else [case]
        for row in rows:
            if options.only not in row:
                continue
            command = [sys.executable, __file__, "--row", row]
            command += [f"--{key}={getattr(options, key)}" for key in WORK]
            environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
            found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            r = json.loads(found.stdout.splitlines()[-1])
            lines.append(
                f"| {row} | {r['seconds']:.2f} | {r['megabytes']:,.0f} | {r['megabytes'] - r['library']:,.0f} "
                f"| {r['parameters']:,.0f} | {r['gigaflop']:,.0f} | {r['share']:.0%} of {r['rate']:.0f} GFLOP/s |"
            )
            print(lines[-1], flush=True)
    if options.out:
        with open(options.out, "w") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
