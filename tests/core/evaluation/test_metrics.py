"""Every metric says what is so where the answer is known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gnm_core.contracts import Data, Model
from gnm_core.errors import MetricError, OptionError
from gnm_core.evaluation.context import BATCH, EvaluationContext, Metric, Skip
from gnm_core.evaluation.metrics.counting import Counting
from gnm_core.evaluation.metrics.d_steps import Classifier, DSteps
from gnm_core.evaluation.metrics.detection import AveragePrecision, iou, match
from gnm_core.evaluation.metrics.diversity import Diversity
from gnm_core.evaluation.metrics.likelihood import LogLikelihood
from gnm_core.evaluation.metrics.reconstruction import ReconstructionError
from gnm_core.evaluation.metrics.segmentation import Segmentation, mean_iou
from gnm_core.evaluation.metrics.speed import SamplingSpeed
from gnm_core.evaluation.metrics.structure import StructureAccuracy
from gnm_core.evaluation.metrics.structure_levels import StructureLevels, advice
from gnm_core.evaluation.metrics.what import WhatClassification
from gnm_core.evaluation.setup import judge_of
from gnm_core.results import Measurement, Scene, Value
from gnm_core.testing import check_part
from torch import Tensor

from .toys import DIMS, Blind, Bright, LinearGaussian, Names, Oracle, Pictures, Sleeper, Squares


def take(metric: Metric, model: Model, data: Data | None = None, seed: int = 0, **options: Any) -> Measurement:
    """One metric by itself."""
    subject = EvaluationContext(model, data, **options)
    torch.manual_seed(seed)
    with torch.no_grad():
        seen = [metric.see(view) for view in subject.views(metric.images)] if metric.images != 0 else []
    return metric.measure(subject, seen)


def values(measurement: Measurement) -> dict[str, Value]:
    return {value.name: value for value in measurement.values}


# Likelihood


def gaussian(width: float) -> tuple[LinearGaussian, Pictures, float]:
    """A model, images out of it, and their mean log-evidence."""
    model = LinearGaussian(width)
    images = (torch.randn(40, 3) @ model.factors.detach().T + 0.5 * torch.randn(40, 64)).reshape(40, 1, 8, 8)
    return model, Pictures(images), float(model.log_evidence(images).mean())


def test_the_likelihood_converges_to_the_known_one() -> None:
    model, data, truth = gaussian(width=1.6)
    gaps = [
        truth - values(take(LogLikelihood(particles=particles), model, data))["LL"].value for particles in (1, 10, 1000)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[0] > 0.3
    assert gaps[2] == pytest.approx(0, abs=0.02)


def test_with_the_true_posterior_every_particle_gives_the_likelihood() -> None:
    model, data, truth = gaussian(width=1.0)
    found = values(take(LogLikelihood(particles=5), model, data))
    assert found["LL"].value == pytest.approx(truth, abs=1e-3)
    assert found["ELBO"].value == pytest.approx(truth, abs=1e-3)
    assert found["effective sample size"].value == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize("particles", [1, 2, 30])
def test_the_likelihood_is_never_below_the_elbo(particles: int) -> None:
    model, data, truth = gaussian(width=0.6)
    found = values(take(LogLikelihood(particles=particles), model, data))
    assert found["LL"].value >= found["ELBO"].value - 1e-9
    assert 1 <= found["effective sample size"].value <= particles + 1e-9
    assert found["ELBO"].value < truth


def test_the_interval_of_the_likelihood_is_that_of_the_images_mean() -> None:
    model, data, _ = gaussian(width=1.0)
    found = take(LogLikelihood(particles=2), model, data)
    exact = model.log_evidence(data.images).numpy()
    error = exact.std(ddof=1) / np.sqrt(40)
    (ll, *_) = found.values
    assert ll.count == 40
    assert ll.low is not None
    assert ll.high is not None
    assert (ll.high - ll.low) / 2 == pytest.approx(1.96 * error, rel=1e-3)
    assert found.details["exact"]["standard_error"] == pytest.approx(error, rel=1e-3)


def test_memory_does_not_grow_with_particles_or_images() -> None:
    model, data, _ = gaussian(width=1.0)
    take(LogLikelihood(particles=50), model, data)
    assert model.largest == BATCH


def test_a_model_without_relaxed_latents_has_one_estimate() -> None:
    model, data, _ = gaussian(width=1.0)
    assert list(values(take(LogLikelihood(particles=2), model, data))) == ["LL", "ELBO", "effective sample size"]


class Relaxed(LinearGaussian):
    def log_weights(self, image: torch.Tensor, *, exact: bool = True) -> torch.Tensor:
        return super().log_weights(image) + (0.0 if exact else 3.0)


def test_the_published_estimate_goes_by_another_name() -> None:
    _, data, _ = gaussian(width=1.0)
    found = values(take(LogLikelihood(particles=2), Relaxed(), data))
    assert found["LL (relaxed, as published)"].value == pytest.approx(found["LL"].value + 3, abs=0.01)
    assert next(iter(found)) == "LL"
    alone = values(take(LogLikelihood(particles=2, estimates=("relaxed",)), Relaxed(), data))
    assert list(alone) == ["LL (relaxed, as published)", "ELBO (relaxed)", "effective sample size (relaxed)"]


# Structure


def test_structure_accuracy_counts_what_the_judge_accepts() -> None:
    dreams = torch.zeros(2, 1, 16, 16)
    dreams[0] = 0.9
    found = take(StructureAccuracy(n=250, judge=Bright()), Oracle(Squares(), dreams), Squares())
    (accuracy,) = found.values
    accepted = found.details["accepted"]
    assert accuracy.value == accepted / 250
    assert 0.35 < accuracy.value < 0.65
    assert found.details["judge"] == "bright/7"
    assert found.details["reasons"] == {"only # bright": 250 - accepted}


@pytest.mark.parametrize(("accepted", "low", "high"), [(243, 0.9433, 0.9863), (0, 0.0, 0.0151), (250, 0.9849, 1.0)])
def test_the_interval_is_wilsons(accepted: int, low: float, high: float) -> None:
    from gnm_core.evaluation.metrics.intervals import share

    value = share("S-Acc", accepted, 250)
    assert (value.low, value.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


class Leaky(Oracle):
    """Loses the bright scenes on the way: reconstructs all, decodes one in two, samples none."""

    def reconstruct_from_scene(self, image: Tensor, *, sample: bool = False) -> Scene:
        assert sample
        dim = (torch.arange(len(image)) % 2 == 0).float()[:, None, None, None]
        return Scene(image * dim)


def test_structure_levels_tell_where_scenes_are_lost() -> None:
    bright = torch.ones(64, 1, 16, 16)
    data = Pictures(bright)
    model = Leaky(Squares(), torch.zeros(1, 1, 16, 16))
    found = take(StructureLevels(n=64, judge=Bright()), model, data)
    shares = {name: value.value for name, value in values(found).items()}
    assert shares == {"obeys: data": 1, "obeys: symbols": 1, "obeys: scene code": 0.5, "obeys: generated": 0}
    assert "at the prior: 100 % of what the scene code still had" in found.details["advice"]
    assert found.details["levels"]["obeys: symbols"] == {}
    assert sum(found.details["levels"]["obeys: scene code"].values()) == 32


def test_a_model_without_a_scene_code_has_one_level_less() -> None:
    found = take(StructureLevels(n=8, judge=Bright()), Oracle(Squares()), Squares())
    assert "obeys: scene code" not in values(found)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"data": 0.99, "symbols": 0.72, "scene code": 0.70, "generated": 0.60}, "at the symbols: 27 %"),
        (
            {"data": 0.99, "symbols": 0.80, "scene code": 0.85, "generated": 0.50},
            "at the prior: 38 % of what the scene",
        ),
        ({"data": 0.99, "symbols": 0.90, "scene code": 0.00, "generated": 0.00}, "at the scene code: 100 %"),
        ({"data": 1.0, "symbols": 1.0, "generated": 1.0}, "no level loses anything"),
    ],
)
def test_the_advice_names_the_level_that_loses_most_of_what_it_got(shares: dict[str, float], words: str) -> None:
    assert words in advice(shares)


def test_a_model_that_repeats_or_remembers_is_seen() -> None:
    torch.manual_seed(0)
    data = Squares(60)
    train = data.at("train").known_images()
    remembers = take(Diversity(n=60, judge=Names()), Oracle(data, train), data)
    repeats = take(Diversity(n=60, judge=Names()), Oracle(data, train[:1]), data)
    found = values(remembers)
    assert found["distance to the training, generated"].value == pytest.approx(0, abs=1e-3)
    assert found["distance to the training, real"].value > 0.05
    assert values(repeats)["distinct layouts, generated"].value == 1 / 60
    assert values(repeats)["distinct layouts, real"].value > 0.2
    assert values(repeats)["classes off by"].value > found["classes off by"].value
    assert sum(remembers.details["classes"]["real"].values()) == pytest.approx(1)


def test_without_a_judge_structure_is_skipped() -> None:
    with pytest.raises(Skip, match=r"no judge for 'squares'; name one: --set metrics\.s-acc\.judge=NAME"):
        take(StructureAccuracy(), Oracle(Squares()), Squares(), name="squares")


def test_scenes_of_the_data_set_obey_its_own_judge() -> None:
    from gnm_core.schema import DataSpec
    from gnm_core.spec import load_spec

    spec = load_spec({"dims": {"size": 64}, "data": "mnist-4"}, top=DataSpec)
    images = spec.data("test").batch(range(64)).image
    model = Oracle(Squares(), images)
    found = take(StructureAccuracy(n=96), model, None, judge=judge_of("mnist-4", spec.dims))
    assert found.values[0].value > 0.85
    assert found.details["judge"].startswith("mnist-4/")


# D-Steps

CHEAP: dict[str, Any] = {"cap": 80, "seeds": 2, "pool": 120, "held_out": 40, "lr": 1e-3, "batch": 32}


def test_real_against_real_hits_the_cap() -> None:
    data = Squares(160)
    found = take(DSteps(**CHEAP), Oracle(data, Squares(160, split="train").known_images()), data)
    assert found.details["steps"] == [80, 80]
    assert found.details["caught"] == [False, False]
    assert (found.values[0].value, found.values[0].unit) == (80, "steps")


def test_real_against_noise_ends_at_once() -> None:
    data = Squares(160)
    noise = torch.rand(160, 1, 16, 16)
    found = take(DSteps(**CHEAP), Oracle(data, noise), data)
    assert found.details["steps"] == [40, 40]
    assert found.details["caught"] == [True, True]
    assert (found.details["learnt_from"], found.details["tested_on"]) == (120, 40)


def test_precision_alone_gives_nobody_away() -> None:
    data = Squares(160)
    nearly = (data.batch(range(160)).image + 1e-3).clamp(0, 1)
    assert take(DSteps(**CHEAP), Oracle(data, nearly), data).details["caught"] == [False, False]


def test_held_out_images_are_never_more_than_a_quarter() -> None:
    data = Squares(41)
    found = take(DSteps(**{**CHEAP, "held_out": 500, "cap": 40}), Oracle(data), data)
    assert (found.details["learnt_from"], found.details["tested_on"]) == (31, 10)
    with pytest.raises(Skip, match="the split has 3 images"):
        take(DSteps(**CHEAP), Oracle(data), data, limit=3)


@pytest.mark.parametrize("size", [8, 20, 64, 128])
def test_the_classifier_fits_every_size(size: int) -> None:
    assert Classifier(3, size, 4)(torch.zeros(2, 3, size, size)).shape == (2,)


@pytest.mark.parametrize(
    ("options", "message"), [({"batch": 33}, "batch: 33 is odd"), ({"cap": 10}, r"cap: 10 is less than check_every")]
)
def test_settings_of_d_steps_that_do_not_fit(options: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DSteps(**options)


# Detection


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


# Codes, counts, masks, pixels


def test_codes_that_hold_the_label_are_classified() -> None:
    found = take(WhatClassification(epochs=60), Oracle(Squares(200)), Squares(200))
    (accuracy,) = found.values
    assert accuracy.value > 0.98
    assert found.details["commonest_label"] < 0.5
    assert len(found.details["accuracies"]) == 3
    assert found.details["tested_on"] == accuracy.count


class Forgetful(Oracle):
    def objects(self, image: torch.Tensor) -> Any:
        found = super().objects(image)
        assert found is not None
        return replace(found, what=torch.randn_like(found.what))


def test_codes_that_hold_nothing_are_not() -> None:
    (accuracy,) = take(WhatClassification(epochs=20), Forgetful(Squares(200)), Squares(200)).values
    assert accuracy.value < 0.5


def test_objects_take_the_label_of_the_nearest_true_object() -> None:
    data = Squares(8)
    view = next(iter(EvaluationContext(Oracle(data), data).views(None)))
    codes = WhatClassification().see(view)
    truth = view.truth
    assert codes.label.tolist() == truth.labels[truth.present].tolist()
    assert codes.image.tolist() == truth.present.nonzero()[:, 0].tolist()


def test_counting() -> None:
    found = values(take(Counting(), Oracle(Squares()), Squares()))
    assert found["counting accuracy"].value == 1.0
    assert found["counting error"].value == 0.0
    none = take(Counting(), Sleeper(Squares()), Squares())
    assert values(none)["counting accuracy"].value == 0.0
    assert values(none)["counting error"].value == pytest.approx(float(Squares().present.sum(1).float().mean()))
    assert sum(none.details["pairs"].values()) == 70


def test_masks_of_the_truth_are_perfect() -> None:
    found = values(take(Segmentation(), Oracle(Squares()), Squares()))
    assert {value.value for value in found.values()} == {1.0}


class Lump(Oracle):
    """One mask for all objects."""

    def components(self, image: torch.Tensor) -> Any:
        parts = super().components(image)
        assert parts is not None
        masks = torch.stack([parts.masks[:, 0], parts.masks[:, 1:].sum(1)], 1)
        return replace(parts, images=parts.images[:, :2], masks=masks, names=("background", "objects"))


def test_one_mask_for_all_objects_tells_none_apart() -> None:
    data = Squares()
    count = data.present.sum(1).numpy()
    found = values(take(Segmentation(), Lump(data), data))
    assert found["ARI-FG"].value == pytest.approx((count == 1).mean())
    assert found["mIoU"].value == pytest.approx((1 / count**2).mean())


def test_mean_iou_by_hand() -> None:
    true = np.array([[1, 1, 1, 1], [2, 2, 0, 0]])
    found = np.array([[5, 5, 5, 6], [0, 6, 6, 0]])
    assert mean_iou(true, found) == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert mean_iou(true, np.zeros_like(true)) == 0.0
    assert mean_iou(true, 10 - true) == pytest.approx(1.0), "names of segments do not matter"


@pytest.mark.parametrize("masks", [True, False])
def test_the_machine_shows_what_hides_what(masks: bool) -> None:
    from gnm_core.spec import load_spec

    glimpse = {"use": "subpixel", "masks": masks, "channels": [8, 4], "kernels": [1, 1, 3], "upscales": [4, 2, 1]}
    spec = {
        "dims": {"size": 16, "grid": 2, "features": 4, "scene": 2, "what": 4, "channels": 3},
        "model": {"use": "gnm", "renderer": {"use": "separable", "glimpse": glimpse}},
    }
    model = load_spec(spec).model().eval()
    with torch.no_grad():
        components = model.components(torch.rand(3, 3, 16, 16))
    assert components is not None
    assert components.shares is not None
    assert (components.shares <= components.masks + 1e-6).all()
    if masks:
        assert (components.shares.sum(1) <= components.masks.amax(1) + 1e-5).all(), "a pixel is shared, not doubled"


def test_reconstruction_error() -> None:
    assert values(take(ReconstructionError(), Oracle(Squares()), Squares()))["PSNR"].value == pytest.approx(100)

    class Grey(Oracle):
        def reconstruct(self, image: torch.Tensor) -> Any:
            return replace(super().reconstruct(image), image=(image + 0.1))

    found = values(take(ReconstructionError(), Grey(Squares()), Squares()))
    assert found["MSE"].value == pytest.approx(0.01, rel=1e-4)
    assert found["PSNR"].value == pytest.approx(20, rel=1e-4)
    assert found["MSE"].higher_is_better is False


def test_speed() -> None:
    found = take(SamplingSpeed(rounds=3), Oracle(Squares()), None)
    assert found.values[0].value > 0
    assert len(found.details["rounds"]) == 3


# What every metric does

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
