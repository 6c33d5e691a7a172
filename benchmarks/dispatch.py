"""What torch's dispatcher costs a compiled function: forward and backward pass of a norm of few numbers, in turn.

python benchmarks/dispatch.py [--repeats 300]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from gnm_core.native import celu_norm
from torch import Tensor


class _Direct(torch.autograd.Function):
    """The same calls without an operator of torch's around them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
        rows, activation, mean, rstd = celu_norm._forward(x, scale, shift, epsilon)
        ctx.save_for_backward(activation, scale, mean, rstd)
        return rows

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *celu_norm._backward(gradient, *ctx.saved_tensors), None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    leaves = [torch.ones(size, requires_grad=True) for size in ((4, 16), (16,), (16,))]
    towards = torch.ones(4, 16)
    ways: dict[str, Callable[..., Tensor]] = {"operator": celu_norm.run_celu_norm, "direct": _Direct.apply}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            start = time.process_time()
            for _ in range(20):
                torch.autograd.grad(way(*leaves, 1e-5), leaves, towards)
            times[name].append((time.process_time() - start) / 20 * 1e6)
    for name, found in times.items():
        print(f"{name:9} {statistics.median(found):6.1f} microseconds (fastest {min(found):.1f})")
    print(f"torch._dynamo imported: {'torch._dynamo' in sys.modules}")


if __name__ == "__main__":
    main()
