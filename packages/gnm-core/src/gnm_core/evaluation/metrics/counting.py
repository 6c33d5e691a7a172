"""Counting: does the model find as many objects as there are?"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from gnm_core.evaluation.context import EvaluationBatch, EvaluationContext, Metric
from gnm_core.evaluation.metrics.intervals import mean, share
from gnm_core.results import Measurement


class Counting(Metric):
    """The share of images in which exactly as many objects are present as there are, and how many it is off.

    Args:
        n: images, the first ones of the split; null for all.
    """

    def __init__(self, *, n: Annotated[int, Ge(1), Le(10**9)] | None = None) -> None:
        self.images = n

    def update(self, batch: EvaluationBatch) -> np.ndarray:
        """(B, 2): objects in truth, and objects found."""
        return np.stack([batch.truth.present.sum(1).numpy(), batch.objects.present.sum(1).numpy()], axis=1)

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class."""
        true, found = np.concatenate(updates).T
        off = np.abs(found - true)
        pairs = Counter(f"{t} there, {f} found" for t, f in zip(true, found, strict=True))
        values = (
            share("counting accuracy", int((off == 0).sum()), len(off)),
            mean("counting error", off, "objects", higher_is_better=False),
        )
        return Measurement(values, {"pairs": dict(pairs.most_common())})
