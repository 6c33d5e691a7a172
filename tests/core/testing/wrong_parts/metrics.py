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
        self.fault = fault

    def update(self, batch: EvaluationBatch) -> Any:
        if self.fault == "changes shared images":
            batch.image.mul_(0.5)
        return float(batch.image.mean())

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        value: Any = sum(updates) / len(updates)
        if self.fault == "hidden state":
            self.asked.append(1)
            value += len(self.asked)
        if self.fault == "a tensor":
            value = torch.tensor(value)
        return Measurement((Value("brightness", value),))


FAULTS = {
    "hidden state": "nothing-is-left-from-before",
    "changes shared images": "shared-images-stay-as-they-are",
    "a tensor": "values-are-plain-numbers",
}
"""Each fault, and the law that it breaks."""
