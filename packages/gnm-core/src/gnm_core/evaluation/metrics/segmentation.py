"""ARI and mIoU: do a model's masks tell the objects apart?"""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt

from gnm_core.evaluation.context import EvaluationBatch, EvaluationContext, Metric, Skip
from gnm_core.evaluation.metrics.extras import extra
from gnm_core.evaluation.metrics.intervals import mean
from gnm_core.results import Components, Measurement


class Segmentation(Metric):
    """Every pixel belongs to the component with the largest share of it; these segments against the true instances.

    `ARI-FG` is the adjusted Rand index over the pixels of the true objects, `ARI` over all pixels, the background being
    one more segment. `mIoU` pairs true objects with segments, each at most once, so that the sum of IoUs is largest,
    and is the mean IoU over the true objects of an image; objects without a partner count 0. Each is the mean over
    images; images without objects are left out.

    Args:
        n: images, the first ones of the split; null for all.
        visible: least share of a pixel's component; pixels where nobody has it belong to nobody.
    """

    def __init__(
        self,
        *,
        n: Annotated[int, Ge(1), Le(10**9)] | None = 1000,
        visible: Annotated[float, Gt(0), Lt(1)] = 0.1,
    ) -> None:
        self.images, self.visible = n, visible

    def update(self, batch: EvaluationBatch) -> np.ndarray:
        """(n, 3): foreground ARI, ARI, mIoU of each image that has objects."""
        instances = batch.truth.instances
        if instances is None:
            raise Skip("the data set does not know which pixel belongs to which object")
        segments = segment(batch.components, self.visible)
        scores = [
            score(true.numpy(), found.numpy()) for true, found in zip(instances, segments, strict=True) if true.any()
        ]
        return np.array(scores).reshape(-1, 3)

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class."""
        scores = np.concatenate(updates)
        if not len(scores):
            raise Skip("there is no object in the images")
        return Measurement(
            tuple(mean(name, column) for name, column in zip(("ARI-FG", "ARI", "mIoU"), scores.T, strict=True))
        )


def segment(components: Components, visible: float) -> torch.Tensor:
    """(B, H, W) int64: the component with the largest share of each pixel, from 1; 0 where none reaches `visible`."""
    most, which = components.visible[:, :, 0].max(1)
    return torch.where(most < visible, 0, which + 1)


def score(true: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Foreground ARI, ARI and mIoU of one image.

    Args:
        true: (H, W), 0 the background.
        found: (H, W).
    """
    rand = extra("sklearn.metrics").adjusted_rand_score
    there = true > 0
    return float(rand(true[there], found[there])), float(rand(true.ravel(), found.ravel())), mean_iou(true, found)


def mean_iou(true: np.ndarray, found: np.ndarray) -> float:
    """Mean over the true objects of the IoU with their partners."""
    objects, i = np.unique(true, return_inverse=True)
    segments, k = np.unique(found, return_inverse=True)
    both = np.bincount(i.ravel() * len(segments) + k.ravel(), minlength=len(objects) * len(segments))
    both = both.reshape(len(objects), len(segments))
    iou = both / (both.sum(1, keepdims=True) + both.sum(0) - both)
    iou = iou[objects > 0][:, segments > 0]
    pairs = extra("scipy.optimize").linear_sum_assignment(iou, maximize=True)
    return float(iou[pairs].sum() / len(iou))
