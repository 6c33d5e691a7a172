"""Reconstruction: how near is what the posterior describes to the image?"""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from gnm_core.evaluation.context import EvaluationBatch, EvaluationContext, Metric
from gnm_core.evaluation.metrics.intervals import mean
from gnm_core.results import Measurement

LEAST = 1e-10
"""Least mean square error in the PSNR: 100 dB at most."""


class ReconstructionError(Metric):
    """Mean square error per pixel, and peak signal-to-noise ratio, of the posterior's mode.

    Args:
        n: images, the first ones of the split; null for all.
    """

    def __init__(self, *, n: Annotated[int, Ge(1), Le(10**9)] | None = None) -> None:
        self.images = n

    def update(self, batch: EvaluationBatch) -> np.ndarray:
        """(B,): mean square error of each image."""
        errors: np.ndarray = (batch.reconstruction.double() - batch.image.double()).square().flatten(1).mean(1).numpy()
        return errors

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class."""
        errors = np.concatenate(updates)
        ratios = -10 * np.log10(errors.clip(min=LEAST))
        return Measurement((mean("MSE", errors, higher_is_better=False), mean("PSNR", ratios, "dB")))
