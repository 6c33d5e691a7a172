"""What every metric does: skips with a reason, names what is not finite, keeps its contract."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from gnm_core.errors import MetricError
from gnm_core.evaluation.context import Metric, Skip
from gnm_core.evaluation.metrics.counting import Counting
from gnm_core.evaluation.metrics.d_steps import DSteps
from gnm_core.evaluation.metrics.detection import AveragePrecision
from gnm_core.evaluation.metrics.likelihood import LogLikelihood
from gnm_core.evaluation.metrics.reconstruction import ReconstructionError
from gnm_core.evaluation.metrics.segmentation import Segmentation
from gnm_core.evaluation.metrics.structure import StructureAccuracy
from gnm_core.evaluation.metrics.what import WhatClassification
from gnm_core.testing import check_part

from ..toys import DIMS, Blind, Bright, Oracle, Sleeper, Squares
from .taking import CHEAP, take

IMAGES = [AveragePrecision, Counting, WhatClassification, Segmentation]


@pytest.mark.parametrize("kind", IMAGES)
def test_data_without_truth_is_a_reason_to_skip(kind: type[Metric]) -> None:
    with pytest.raises(Skip, match="the data set knows no truth"):
        take(kind(), Oracle(Squares()), Squares(truth=False))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (AveragePrecision, "does not name objects"),
        (Counting, "does not name objects"),
        (WhatClassification, "does not name objects"),
        (Segmentation, "does not take pictures apart"),
    ],
)
def test_a_model_without_objects_is_a_reason_to_skip(kind: type[Metric], reason: str) -> None:
    with pytest.raises(Skip, match=reason):
        take(kind(), Blind(Squares()), Squares())


def test_no_object_found_is_a_reason_to_skip_their_codes() -> None:
    with pytest.raises(Skip, match="no object was found in the 70 images"):
        take(WhatClassification(), Sleeper(Squares()), Squares())


@pytest.mark.parametrize("kind", [LogLikelihood, DSteps, ReconstructionError, AveragePrecision])
def test_without_a_data_set_there_is_nothing_to_see(kind: type[Metric]) -> None:
    with pytest.raises(Skip, match="names no data set"):
        take(kind(), Oracle(Squares()))


@pytest.mark.parametrize(
    ("spoilt", "metric", "what"),
    [
        ("sample", StructureAccuracy(judge=Bright()), "a generated image is not finite"),
        ("sample", DSteps(**CHEAP), "a generated image is not finite"),
        ("reconstruct", ReconstructionError(), r"the reconstruction is not finite: 8,192 of 8,192 numbers"),
        ("objects", AveragePrecision(), r"objects\.boxes is not finite"),
        ("log_weights", LogLikelihood(particles=2), "log_weights is not finite: 32 of 32 numbers"),
    ],
)
def test_what_is_not_finite_is_named(spoilt: str, metric: Metric, what: str) -> None:
    model = Oracle(Squares())
    model.spoilt = spoilt
    with pytest.raises(MetricError, match=what):
        take(metric, model, Squares())


EVERY: list[Callable[[], Metric]] = [
    lambda: LogLikelihood(particles=2),
    lambda: StructureAccuracy(n=40, judge=Bright()),
    lambda: DSteps(**{**CHEAP, "cap": 40}),
    lambda: AveragePrecision(resamples=10),
    lambda: WhatClassification(seeds=1, epochs=10),
]


@pytest.mark.parametrize("make", EVERY)
def test_the_same_seed_gives_the_same_numbers(make: Callable[[], Metric]) -> None:
    model, data = Oracle(Squares()), Squares()
    first = take(make(), model, data)
    torch.randn(17)
    assert take(make(), model, data) == first


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ap", {"resamples": 5}),
        ("counting", {}),
        ("d-steps", {"cap": 40, "seeds": 1, "pool": 12, "held_out": 4}),
        ("ll", {"particles": 2}),
        ("reconstruction", {}),
        ("s-acc", {"n": 5}),
        ("segmentation", {}),
        ("speed", {"rounds": 2}),
        ("what-classification", {"seeds": 1, "epochs": 3}),
    ],
)
def test_every_metric_keeps_its_contract(name: str, options: dict[str, Any]) -> None:
    check_part(Metric, name, DIMS, **options)


def test_a_missing_extra_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MetricError, match=r"needs scipy: pip install 'gnm-core\[evaluate\]'"):
        take(Counting(), Oracle(Squares()), Squares())
