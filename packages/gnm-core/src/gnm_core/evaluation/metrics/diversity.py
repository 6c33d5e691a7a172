"""Whether a model repeats itself, or remembers what it learnt from."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le
from torch import Tensor

from gnm_core.contracts import Data, Judge
from gnm_core.errors import DataError
from gnm_core.evaluation.context import BATCH, EvaluationBatch, EvaluationContext, Metric
from gnm_core.evaluation.metrics.judging import judge_for
from gnm_core.results import Measurement, Value, Verdict

CHUNK = 500
"""Training scenes that are compared at a time."""


class Diversity(Metric):
    """How varied generated scenes are and how far from those of the training, each beside held-out real scenes.

    Distinct layouts: the share of different ones, where a layout says which classes stand in which squares of a grid
    over the picture. Classes: how far the histogram of classes is from that of real scenes (total variation, from 0 to
    1); the histograms are in the details. Distance: to the nearest scene of the training split, in root mean squared
    difference of a pixel, the median over scenes. A model that repeats has few layouts; one that remembers is nearer
    to the training scenes than real scenes are.

    Args:
        n: generated scenes, and as many real ones.
        nearest: scenes of the training split that they are compared with, the first ones.
        squares: a layout's grid has so many squares a side.
        judge: names what stands where; null for the judge of the data set's name.
    """

    def __init__(
        self,
        *,
        n: Annotated[int, Ge(1), Le(10**9)] = 1000,
        nearest: Annotated[int, Ge(1), Le(10**9)] = 20_000,
        squares: Annotated[int, Ge(1), Le(1024)] = 8,
        judge: Judge | None = None,
    ) -> None:
        self.images, self.nearest, self.squares, self.judge = n, nearest, squares, judge

    def update(self, batch: EvaluationBatch) -> Tensor:
        """(B, C, H, W) uint8: the real scenes."""
        return to_bytes(batch.image)

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class.

        Raises:
            Skip: nobody judges.
            MetricError: a generated image is not finite.
        """
        judge = judge_for(context, self.judge, "diversity")
        real = torch.cat(list(updates))
        generated = torch.cat([to_bytes(context.sample(min(BATCH, len(real) - i))) for i in range(0, len(real), BATCH)])
        verdicts = {
            name: [verdict for few in images.split(BATCH) for verdict in judge.judge(few.float() / 255)]
            for name, images in (("generated", generated), ("real", real))
        }
        details: dict[str, Any] = {"judge": verdicts["real"][0].judge}
        values = self._named(verdicts, real.shape[-1], details)
        training = training_split(context)
        if training is not None:
            count = min(self.nearest, len(training))
            distance = nearest_distances(torch.cat([generated, real]), training, count)
            for name, found in zip(("generated", "real"), distance.split(len(real)), strict=True):
                text = f"distance to the training, {name}"
                values.append(Value(text, float(found.median()), count=len(found), higher_is_better=None))
            details["training_scenes"] = count
        return Measurement(tuple(values), details)

    def _named(self, verdicts: dict[str, list[Verdict]], size: int, details: dict[str, Any]) -> list[Value]:
        """Layouts and classes, where the judge names objects."""
        if not any(verdict.objects for verdict in verdicts["real"]):
            return []
        values, histograms = [], {}
        for name, found in verdicts.items():
            distinct = len({layout(verdict, size, self.squares) for verdict in found}) / len(found)
            values.append(Value(f"distinct layouts, {name}", distinct, count=len(found), higher_is_better=None))
            histograms[name] = histogram(found)
        details["classes"] = histograms
        names = {key for shares in histograms.values() for key in shares}
        gap = sum(abs(histograms["generated"].get(k, 0.0) - histograms["real"].get(k, 0.0)) for k in names) / 2
        values.append(Value("classes off by", gap, count=len(verdicts["real"]), higher_is_better=False))
        return values


def layout(verdict: Verdict, size: int, squares: int) -> tuple[tuple[str, int, int], ...]:
    """Which classes stand in which squares of the picture."""
    side = size / squares
    return tuple(sorted((name, int(x // side), int(y // side)) for name, x, y in verdict.objects))


def histogram(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """The share of each class among all objects."""
    counts = Counter(name for verdict in verdicts for name, _, _ in verdict.objects)
    total = max(1, counts.total())
    return {name: counts[name] / total for name in sorted(counts)}


def training_split(context: EvaluationContext) -> Data | None:
    """The scenes that the model learnt from; None where there are none."""
    try:
        training = context.split.at("train")
    except DataError:
        return None
    return training if len(training) else None


def nearest_distances(images: Tensor, training: Data, count: int) -> Tensor:
    """(N, C, H, W) uint8 → (N,): root mean squared difference, in [0, 1], to the nearest of `count` training scenes."""
    flat = images.flatten(1).float() / 255
    best = torch.full((len(flat),), math.inf)
    for start in range(0, count, CHUNK):
        others = training.batch(range(start, min(start + CHUNK, count))).image
        best = torch.minimum(best, torch.cdist(flat, to_bytes(others).flatten(1).float() / 255).amin(1))
    return best / math.sqrt(flat.shape[1])


def to_bytes(image: Tensor) -> Tensor:
    """[0, 1] → uint8."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)
