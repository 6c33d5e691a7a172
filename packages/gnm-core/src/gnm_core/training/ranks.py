"""Several processes that train one model, each on its slice of every batch."""

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gnm_core.errors import RunError


class Ranks:
    """The processes that `torchrun` started; a single one without it. Every method is cheap for a single process.

    Args:
        rank: number of this process.
        world: how many there are.
    """

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world

    @classmethod
    def join(cls, device: torch.device) -> "Ranks":
        """Meet the other processes, if `torchrun` started this one."""
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), dist.get_world_size())

    def leave(self) -> None:
        """Part from the other processes."""
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        """This process is the one that writes."""
        return self.rank == 0

    def slice(self, batch: int) -> slice:
        """This process's share of a batch of that many images.

        Raises:
            RunError: the batch cannot be shared out evenly.
        """
        if batch % self.world:
            raise RunError(f"a batch of {batch} cannot be shared out evenly among {self.world} processes")
        share = batch // self.world
        return slice(self.rank * share, (self.rank + 1) * share)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make every process's gradients their mean; a parameter that no process used keeps none."""
        if self.world == 1:
            return
        used = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([used, *(grad.reshape(-1) for grad in grads)])
        dist.all_reduce(flat)
        counts, *parts = torch.split(flat, [len(used), *(p.numel() for p in parameters)])
        for parameter, count, part in zip(parameters, counts.tolist(), parts, strict=True):
            parameter.grad = (part / self.world).view_as(parameter) if count else None

    def average(self, values: Tensor) -> Tensor:
        """The mean of every process's `values`."""
        if self.world > 1:
            dist.all_reduce(values)
            values = values / self.world
        return values

    def average_buffers(self, module: nn.Module) -> None:
        """Make every process's floating-point buffers their mean."""
        if self.world > 1:
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self.average(buffer.clone()))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is up in any process."""
        if self.world == 1:
            return flag
        return bool(self.average(torch.tensor(float(flag), device=device)).item() > 0)

    def wait(self) -> None:
        """Until every process has come this far."""
        if self.world > 1:
            dist.barrier()
