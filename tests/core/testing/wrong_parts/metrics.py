"""Metrics that are wrong in one way each."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from gnm_core import EvaluationBatch, EvaluationContext, Measurement, Metric, Value


class Wrong(Metric):
    """Brightness, right unless told otherwise."""

    images = 32
    asked: ClassVar[list[int]] = []

    def __init__(self, *, fault: str = "") -> None:
        self.fault, self.sum = fault, 0.0

    def update(self, batch: EvaluationBatch) -> Any:
        if self.fault == "changes shared images":
            batch.image.mul_(0.5)
        each = batch.image.flatten(1).mean(1)
        if self.fault == "grey alone":
            each = batch.image.view(len(batch.image), -1, batch.image.shape[-1] ** 2).squeeze(1).mean(1)
        if self.fault == "sums in self":
            self.sum += float(each.sum())
        return [float(each.mean())] if self.fault == "mean of means" else each.tolist()

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        each = [number for few in updates for number in few]
        if self.fault == "seeds everybody":
            torch.manual_seed(0)
        value: Any = (self.sum if self.fault == "sums in self" else sum(each)) / len(each)
        if self.fault == "hidden state":
            self.asked.append(1)
            value += len(self.asked)
        if self.fault == "a tensor":
            value = torch.tensor(value)
        return Measurement((Value("brightness", value),))


FAULTS = {
    "hidden state": "nothing-is-left-from-before",
    "changes shared images": "shared-images-stay-as-they-are",
    "sums in self": "nothing-is-left-from-before",
    "mean of means": "batches-do-not-matter",
    "a tensor": "values-are-plain-numbers",
    "seeds everybody": "torch-is-left-as-it-was",
    "grey alone": "pictures-of-every-kind",
}
"""Each fault, and the law that it breaks."""
