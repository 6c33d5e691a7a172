"""Average precision, as others compute it."""

import numpy as np
import pytest
from gnm_core.evaluation.context import EvaluationContext
from gnm_core.evaluation.metrics.detection import AveragePrecision, iou, match

from ..toys import Oracle, Sleeper, Squares
from .taking import take, values


@pytest.mark.filterwarnings("ignore")  # what pandas thinks of the other implementation
@pytest.mark.parametrize("seed", range(4))
def test_average_precision_agrees_with_an_independent_implementation(seed: int) -> None:
    package = pytest.importorskip("mean_average_precision", reason="needs mean-average-precision from PyPI")
    from gnm_core.evaluation.metrics.detection import THRESHOLDS, _by_threshold, _rank

    rng = np.random.default_rng(seed)
    other = package.MetricBuilder.build_evaluation_metric("map_2d", num_classes=1)
    pictures = []
    for _ in range(23):
        truth = _boxes(rng, rng.integers(0, 5))
        found = np.concatenate([_jittered(rng, truth), _boxes(rng, rng.integers(0, 4))])[: rng.integers(0, 8)]
        confidence = rng.random(len(found))
        pictures.append(match(found, confidence, truth))
        found, truth = found - [0, 0, 1, 1], truth - [0, 0, 1, 1]  # theirs counts the pixels of both edges
        zeros = np.zeros((len(truth), 3))
        other.add(np.column_stack([found, np.zeros(len(found)), confidence]), np.column_stack([truth, zeros]))
    eleven, area = _by_threshold(_rank(pictures), np.ones(len(pictures), dtype=int))
    for i, threshold in enumerate(THRESHOLDS):
        for mine, recalls in ((eleven, np.arange(11) / 10 - 1e-9), (area, None)):
            theirs = other.value(iou_thresholds=threshold, recall_thresholds=recalls)["mAP"]
            assert mine[i] == pytest.approx(theirs, abs=1e-6)


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    low = rng.uniform(0, 50, (count, 2))
    return np.concatenate([low, low + rng.uniform(5, 20, (count, 2))], axis=1)


def _jittered(rng: np.random.Generator, boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes, boxes[::2]]) + rng.normal(0, 1.5, (len(boxes) + len(boxes[::2]), 4))


def test_one_missed_box_caps_the_eleven_point_variant() -> None:
    """As the source document's 0.905 shows."""
    boxes = np.array([[0.0, 0, 9, 9], [20, 20, 29, 29], [40, 40, 49, 49]])
    metric = AveragePrecision(resamples=0)
    pictures = [match(boxes, np.ones(3), boxes)] * 400 + [match(boxes[:2], np.ones(2), boxes)]
    found = values(metric.measure(EvaluationContext(Oracle(Squares()), None), [pictures]))
    assert found["AP@0.5 (11-point)"].value == pytest.approx(10 / 11)
    assert found["AP@0.5 (all-point)"].value == pytest.approx(1202 / 1203)


def test_boxes_of_the_truth_are_perfect_and_none_are_worth_nothing() -> None:
    perfect = values(take(AveragePrecision(resamples=20), Oracle(Squares()), Squares()))
    assert {value.value for value in perfect.values()} == {1.0}
    nothing = take(AveragePrecision(), Sleeper(Squares()), Squares())
    assert {value.value for value in nothing.values} == {0.0}
    assert nothing.details["found"] == 0
    assert nothing.values[0].count == int(Squares().present.sum())


def test_boxes_without_area_overlap_nothing() -> None:
    flat = np.array([[3.0, 3, 3, 9], [5, 5, 1, 1]])
    assert not iou(flat, np.array([[0.0, 0, 9, 9], [3, 3, 3, 9]])).any()
