"""Gradients of one batch, shared out among the processes of `torchrun`, with the noise of the whole batch in each.

python gradients.py SPEC OUT     (or under torch.distributed.run)
"""

import sys
from typing import Any

import torch
from gnm_core import load_spec
from gnm_core.randomness import seed_from
from gnm_core.training.ranks import Ranks
from safetensors.torch import save_file
from torch.utils._python_dispatch import TorchDispatchMode

BATCH = 8
RANDOM = ("normal", "rand", "uniform", "bernoulli", "exponential")


class WholeNoise(TorchDispatchMode):
    """What is drawn for a share of the batch is that share of what is drawn for the whole of it."""

    def __init__(self, share: slice) -> None:
        super().__init__()
        self.share, self.drawn = share, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if not name.startswith(RANDOM):
            return func(*args, **(kwargs or {}))
        out = func(*args, **(kwargs or {}))
        assert out.shape[0] == self.share.stop - self.share.start, f"{name} draws {tuple(out.shape)}"
        self.drawn += 1
        generator = torch.Generator().manual_seed(self.drawn)
        whole = torch.empty(BATCH, *out.shape[1:], dtype=torch.float64)
        whole = whole.uniform_(generator=generator) if "normal" not in name else whole.normal_(generator=generator)
        return out.copy_(whole[self.share]) if name.endswith("_") else whole[self.share].to(out.dtype)


def main(source: str, out: str) -> None:
    """Write the gradient of every parameter."""
    torch.set_num_threads(1)
    spec, ranks = load_spec(source), Ranks.join(torch.device("cpu"))
    seed_from(0, 0)
    model, objective = spec.model().double().train(), spec.objective()
    images = torch.rand(BATCH, spec.dims.channels, spec.dims.size, spec.dims.size, dtype=torch.float64)
    share = ranks.slice(BATCH)
    with WholeNoise(share) as noise:
        loss = objective(model.terms(images[share], 500), 500).total
    assert noise.drawn > 0
    loss.backward()
    parameters = dict(model.named_parameters())
    ranks.average_gradients(list(parameters.values()))
    if ranks.leads:
        save_file({name: p.grad for name, p in parameters.items() if p.grad is not None}, out)
    ranks.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
