"""z^what classification: does an object's code say what the object is?"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt

from gnm_core.evaluation.context import EvaluationBatch, EvaluationContext, Metric, Skip
from gnm_core.evaluation.metrics.extras import extra
from gnm_core.evaluation.metrics.intervals import share
from gnm_core.results import Measurement, Value


@dataclass(frozen=True)
class Codes:
    """The objects found in a batch."""

    images: int
    """B."""
    image: np.ndarray
    """(n,): which image of the batch each object is in."""
    what: np.ndarray
    """(n, D)."""
    label: np.ndarray
    """(n,): class of the true object whose centre is nearest."""


class WhatClassification(Metric):
    """Accuracy of a two-layer MLP that reads an object's class off its z^what.

    Every object that the model finds takes the label of the true object whose centre is nearest. The network (one
    hidden layer, on standardised codes) learns from the objects of the first images and is tested on those of the
    others; the accuracy is the mean over several seeds, the interval that of the test objects.

    Args:
        n: images, the first ones of the split; null for all.
        train: share of the images that the network learns from.
        hidden: units of the hidden layer.
        seeds: networks.
        epochs: passes over the objects, at most; learning stops when the loss does.
    """

    def __init__(
        self,
        *,
        n: Annotated[int, Ge(1), Le(10**9)] | None = None,
        train: Annotated[float, Gt(0), Lt(1)] = 0.8,
        hidden: Annotated[int, Ge(1), Le(65536)] = 128,
        seeds: Annotated[int, Ge(1), Le(1024)] = 3,
        epochs: Annotated[int, Ge(1), Le(10**6)] = 100,
    ) -> None:
        self.images, self.train, self.hidden, self.seeds, self.epochs = n, train, hidden, seeds, epochs

    def update(self, batch: EvaluationBatch) -> Codes:
        """Codes and labels of the objects of a batch."""
        truth, found = batch.truth, batch.objects
        distance = torch.cdist(_centres(found.boxes), _centres(truth.boxes))
        distance = distance.masked_fill(~truth.present[:, None], torch.inf)
        nearest, index = distance.min(2)
        chosen = found.present & nearest.isfinite()
        label = truth.labels.gather(1, index)
        return Codes(
            len(batch.image), chosen.nonzero()[:, 0].numpy(), found.what[chosen].numpy(), label[chosen].numpy()
        )

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class."""
        batches: list[Codes] = list(updates)
        starts = np.cumsum([0, *(batch.images for batch in batches)])
        images = int(starts[-1])
        image = np.concatenate([batch.image + start for batch, start in zip(batches, starts, strict=False)])
        what, label = (np.concatenate([getattr(batch, name) for batch in batches]) for name in ("what", "label"))
        if not len(label):
            raise Skip(f"no object was found in the {images:,} images")
        first = image < round(self.train * images)
        if len(set(label[first])) < 2 or first.all():
            counts = f"{first.sum():,} to learn from, {(~first).sum():,} to test on"
            raise Skip(f"too few objects, or objects of one class alone, were found in the {images:,} images: {counts}")
        accuracies = []
        for i, seed in enumerate(torch.randint(2**31, (self.seeds,)).tolist()):
            accuracies.append(self._accuracy(what[first], label[first], what[~first], label[~first], seed))
            context.progress(i + 1, self.seeds)
        accuracy, test = float(np.mean(accuracies)), int((~first).sum())
        interval = share("", round(accuracy * test), test)
        commonest = float(np.bincount(label[~first]).max()) / test
        details = {
            "learnt_from": int(first.sum()),
            "tested_on": test,
            "accuracies": accuracies,
            "commonest_label": commonest,
        }
        return Measurement((Value("z^what accuracy", accuracy, interval.low, interval.high, count=test),), details)

    def _accuracy(self, what: np.ndarray, label: np.ndarray, other: np.ndarray, true: np.ndarray, seed: int) -> float:
        network = extra("sklearn.neural_network").MLPClassifier((self.hidden,), max_iter=self.epochs, random_state=seed)
        classifier = extra("sklearn.pipeline").make_pipeline(extra("sklearn.preprocessing").StandardScaler(), network)
        with warnings.catch_warnings():  # to stop after so many epochs is what was asked for
            warnings.simplefilter("ignore", extra("sklearn.exceptions").ConvergenceWarning)
            classifier.fit(what, label)
        return float(classifier.score(other, true))


def _centres(boxes: torch.Tensor) -> torch.Tensor:
    """(B, N, 4) → (B, N, 2)."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2
