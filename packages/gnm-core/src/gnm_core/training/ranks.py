"""Several processes that train one model, each on its slice of every batch."""

import os
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gnm_core.errors import RunError

T = TypeVar("T")


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

    def total(self, *values: float, device: torch.device) -> list[float]:
        """The sum of every process's numbers, one by one."""
        if self.world == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(numbers)
        return numbers.tolist()

    def of_first(self, value: T) -> T:
        """The first process's value, which is small and can be pickled; what others measure differs a little."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def copy_first(self, module: nn.Module) -> None:
        """Make every process's weights and buffers those of the first."""
        if self.world > 1:
            for tensor in (*module.parameters(), *module.buffers()):
                first = tensor.detach().contiguous()
                dist.broadcast(first, 0)
                tensor.detach().copy_(first)

    def require_same(self, facts: Mapping[str, object]) -> None:
        """See that every process found the same in the files that it reads.

        Args:
            facts: what was found, by its name.

        Raises:
            RunError: processes differ, in every one of them.
        """
        if self.world == 1:
            return
        found: list[Mapping[str, object]] = [{}] * self.world
        dist.all_gather_object(found, dict(facts))
        for name, first in found[0].items():
            for rank, other in enumerate(found):
                if other[name] != first:
                    raise RunError(
                        f"{name}: {first} in the first process, {other[name]} in process {rank + 1} of {self.world}; "
                        "all must read the same files, and nobody may change them meanwhile"
                    )

    def wait(self) -> None:
        """Until every process has come this far."""
        if self.world > 1:
            dist.barrier()
