"""Speed: scenes that the model generates in a second."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le

from gnm_core.evaluation.context import EvaluationContext, Metric
from gnm_core.evaluation.metrics.intervals import mean_of_few
from gnm_core.results import Measurement


class SamplingSpeed(Metric):
    """Generated scenes per second of wall time, after one batch to warm up.

    Args:
        batch: scenes that are generated together.
        rounds: batches that are timed.
    """

    def __init__(
        self, *, batch: Annotated[int, Ge(1), Le(10**6)] = 32, rounds: Annotated[int, Ge(1), Le(10**6)] = 8
    ) -> None:
        self.batch, self.rounds = batch, rounds

    @torch.no_grad()
    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class."""
        speeds = []
        for i in range(-1, self.rounds):
            _wait(context.device)
            begun = time.perf_counter()
            context.model.sample(self.batch)
            _wait(context.device)
            if i >= 0:
                speeds.append(self.batch / (time.perf_counter() - begun))
            context.progress(i + 1, self.rounds)
        details = {"device": str(context.device), "threads": torch.get_num_threads(), "rounds": speeds}
        return Measurement((mean_of_few("samples per second", speeds, "scenes/s"),), details)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
