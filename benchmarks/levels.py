"""How fast the levels above the symbols train, beside a large matrix product on the same threads, in turn.

python benchmarks/levels.py [--spec mnist-4-64-cells] [--threads 1 2] [--repeats 15]

Images a step, steps a second (median), arithmetic of a step, and its rate as a share of the product's: what is left to
be had by better arithmetic alone.
"""

import argparse
import time
from contextlib import closing
from dataclasses import replace
from statistics import median

import torch
from gnm_core import load_spec
from gnm_core.schema import Training
from gnm_core.training.learner import Learner
from torch.utils.flop_counter import FlopCounterMode

SIDE = 1536
IMAGES = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="mnist-4-64-cells")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    spec = load_spec(options.spec, [f"data.train={IMAGES}"])
    stages = [stage for stage in spec.training().schedule() if stage.level not in (None, "symbols")]
    print("| threads | level | images | steps/s | GFLOP | GFLOP/s | a product's | share |")
    print("|---|---|---|---|---|---|---|---|")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for stage in stages:
            alone = replace(Training(seed=0), stages=(replace(stage, steps=options.repeats + 5),))
            with closing(Learner(spec.model(), spec.objective(), spec.data("train"), alone)) as learner:
                arithmetic = work(learner)
                steps, products = [], []
                for _ in range(options.repeats + 3):
                    steps.append(seconds_of_step(learner))
                    products.append(seconds_of_product())
            step, product = median(steps[3:]), median(products[3:])
            rate, best = arithmetic / step / 1e9, 2 * SIDE**3 / product / 1e9
            columns = (f"{1 / step:.1f}", f"{arithmetic / 1e9:.1f}", f"{rate:.0f}", f"{best:.0f}", f"{rate / best:.2f}")
            print(f"| {threads} | {stage.level} | {stage.batch} | {' | '.join(columns)} |", flush=True)


def work(learner: Learner) -> int:
    """Floating-point operations of a step's products, both ways; the first step prepares the level's inputs."""
    learner.advance()
    with FlopCounterMode(display=False) as counter:
        learner.advance()
    return int(counter.get_total_flops())


def seconds_of_step(learner: Learner) -> float:
    begun = time.perf_counter()
    learner.advance()
    return time.perf_counter() - begun


def seconds_of_product() -> float:
    left, right = torch.ones(SIDE, SIDE), torch.ones(SIDE, SIDE)
    begun = time.perf_counter()
    left @ right
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
