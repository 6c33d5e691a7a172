"""AP: how well the boxes that a model names fit the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Le

from gnm_core.evaluation.context import EvaluationBatch, EvaluationContext, Metric, Skip
from gnm_core.results import Measurement, Value

THRESHOLDS = tuple(0.5 + 0.05 * i for i in range(10))
"""0.5:0.05:0.95."""
ELEVEN = np.arange(11) / 10
"""Recalls of the 11-point variant."""


@dataclass(frozen=True)
class Detections:
    """The boxes found in one picture, compared with the true ones."""

    hits: np.ndarray
    """(T, P) bool: whether a box found counts as right, at each IoU threshold."""
    confidence: np.ndarray
    """(P,): descending."""
    truths: int
    """True boxes."""


class AveragePrecision(Metric):
    """Average precision of the boxes of present objects, ranked by confidence over the whole split; ties are one step.

    A box hits when its IoU with its best true box exceeds the threshold and no surer box has taken that one. The
    11-point variant (mean over the recalls 0, 0.1 ... 1 of the best precision from there on) reproduces the paper's
    numbers: one missed box caps it at 10/11. The all-point variant is the area under that envelope.

    Args:
        n: images, the first ones of the split; null for all.
        resamples: bootstrap resamples of the images, for the interval; 0 for no interval.
    """

    def __init__(
        self, *, n: Annotated[int, Ge(1), Le(10**9)] | None = None, resamples: Annotated[int, Ge(0), Le(10**6)] = 200
    ) -> None:
        self.images, self.resamples = n, resamples

    def update(self, batch: EvaluationBatch) -> list[Detections]:
        """The boxes of each picture, matched."""
        truth, found = batch.truth, batch.objects
        pictures = []
        for i in range(len(batch.image)):
            there = found.present[i]
            pictures.append(
                match(
                    found.boxes[i][there].double().numpy(),
                    found.confidence[i][there].double().numpy(),
                    truth.boxes[i][truth.present[i]].double().numpy(),
                )
            )
        return pictures

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class."""
        pictures: list[Detections] = [picture for batch in updates for picture in batch]
        truths = sum(picture.truths for picture in pictures)
        if not truths:
            raise Skip(f"there is no object in the {len(pictures):,} images")
        every = np.ones(len(pictures), dtype=int)
        ranked = _rank(pictures)
        found = _summaries(ranked, every)
        rng = np.random.default_rng(int(torch.randint(2**62, ())))
        resampled: dict[str, list[float]] = {name: [] for name in found}
        for i in range(self.resamples):
            times = np.bincount(rng.integers(len(pictures), size=len(pictures)), minlength=len(pictures))
            for name, value in _summaries(ranked, times).items():
                resampled[name].append(value)
            context.progress(i + 1, self.resamples)
        values = []
        for name, value in found.items():
            low, high = (
                (float(q) for q in np.quantile(resampled[name], (0.025, 0.975))) if self.resamples else (None, None)
            )
            values.append(Value(name, value, low, high, count=truths))
        details = {
            "images": len(pictures),
            "found": sum(len(picture.confidence) for picture in pictures),
            "by_threshold": {
                f"{t:.2f}": {"11-point": eleven, "all-point": area}
                for t, eleven, area in zip(THRESHOLDS, *_by_threshold(ranked, every), strict=True)
            },
        }
        return Measurement(tuple(values), details)


def match(boxes: np.ndarray, confidence: np.ndarray, truth: np.ndarray) -> Detections:
    """Compare the boxes of one picture, the surest first.

    Args:
        boxes: (P, 4) found, as (x0, y0, x1, y1).
        confidence: (P,).
        truth: (M, 4).
    """
    order = np.argsort(-confidence, kind="stable")
    hits = np.zeros((len(THRESHOLDS), len(boxes)), dtype=bool)
    if len(boxes) and len(truth):
        overlap = iou(boxes[order], truth)
        best, most = overlap.argmax(1), overlap.max(1)
        for t, threshold in enumerate(THRESHOLDS):
            taken = set()
            for i in np.flatnonzero(most > threshold):
                hits[t, i] = best[i] not in taken
                taken.add(best[i])
    return Detections(hits, confidence[order], len(truth))


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(P, 4) and (M, 4) → (P, M): intersection over union; 0 for boxes without area."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = (high - low).clip(min=0).prod(-1)
    areas = [(b[:, 2:] - b[:, :2]).clip(min=0).prod(-1) for b in (boxes, others)]
    union = areas[0][:, None] + areas[1][None] - both
    overlap: np.ndarray = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return overlap


def eleven_point(precision: np.ndarray, recall: np.ndarray) -> float:
    """Mean over the recalls 0, 0.1 ... 1 of the best precision at that recall or beyond; precisions never rise."""
    where = np.searchsorted(recall, ELEVEN - 1e-9)
    return float(np.append(precision, 0.0)[where].mean())


def all_point(precision: np.ndarray, recall: np.ndarray) -> float:
    """Area under the envelope."""
    return float((np.diff(recall, prepend=0.0) * precision).sum())


@dataclass(frozen=True)
class _Ranked:
    """The boxes found in all pictures, the surest first."""

    hits: np.ndarray
    """(T, N) bool."""
    picture: np.ndarray
    """(N,): which picture each box was found in."""
    truths: np.ndarray
    """True boxes of each picture."""
    steps: np.ndarray
    """(S,): the last box of each run of equal confidence; those have no order, and are one step of the curve."""


def _rank(pictures: Sequence[Detections]) -> _Ranked:
    confidence = np.concatenate([picture.confidence for picture in pictures])
    order = np.argsort(-confidence, kind="stable")
    picture = np.repeat(np.arange(len(pictures)), [len(picture.confidence) for picture in pictures])
    hits = np.concatenate([picture.hits for picture in pictures], axis=1)
    steps = np.flatnonzero(np.diff(confidence[order], append=-np.inf))
    return _Ranked(hits[:, order], picture[order], np.array([picture.truths for picture in pictures]), steps)


def _summaries(ranked: _Ranked, times: np.ndarray) -> dict[str, float]:
    """The four numbers, each picture counted so many `times`."""
    eleven, area = _by_threshold(ranked, times)
    return {
        "AP@0.5 (11-point)": eleven[0],
        "AP@0.5:0.95 (11-point)": float(np.mean(eleven)),
        "AP@0.5 (all-point)": area[0],
        "AP@0.5:0.95 (all-point)": float(np.mean(area)),
    }


def _by_threshold(ranked: _Ranked, times: np.ndarray) -> tuple[list[float], list[float]]:
    """11-point and all-point average precision at each threshold."""
    counts = times[ranked.picture]
    truths = max(1, int((times * ranked.truths).sum()))
    eleven, area = [], []
    for hit in ranked.hits:
        right = np.cumsum(hit * counts)[ranked.steps]
        precision = right / np.maximum(np.cumsum(counts)[ranked.steps], 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        eleven.append(eleven_point(envelope, right / truths))
        area.append(all_point(envelope, right / truths))
    return eleven, area
