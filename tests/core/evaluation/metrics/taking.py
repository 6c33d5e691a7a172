"""Takes one metric of a model, as an evaluation would."""

from typing import Any

import torch
from gnm_core.contracts import Data, Model
from gnm_core.evaluation.context import EvaluationContext, Metric
from gnm_core.results import Measurement, Value

CHEAP: dict[str, Any] = {"cap": 80, "seeds": 2, "pool": 120, "held_out": 40, "lr": 1e-3, "batch": 32}


def take(metric: Metric, model: Model, data: Data | None = None, seed: int = 0, **options: Any) -> Measurement:
    """One metric by itself."""
    subject = EvaluationContext(model, data, **options)
    torch.manual_seed(seed)
    with torch.no_grad():
        seen = [metric.update(view) for view in subject.batches(metric.images)] if metric.images != 0 else []
    return metric.measure(subject, seen)


def values(measurement: Measurement) -> dict[str, Value]:
    return {value.name: value for value in measurement.values}
