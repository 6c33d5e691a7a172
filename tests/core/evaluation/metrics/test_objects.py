"""Codes, counts, masks and pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gnm_core.evaluation.context import EvaluationContext
from gnm_core.evaluation.metrics.counting import Counting
from gnm_core.evaluation.metrics.reconstruction import ReconstructionError
from gnm_core.evaluation.metrics.segmentation import Segmentation, mean_iou
from gnm_core.evaluation.metrics.speed import SamplingSpeed
from gnm_core.evaluation.metrics.what import WhatClassification

from ..toys import Oracle, Sleeper, Squares
from .taking import take, values


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
    view = next(iter(EvaluationContext(Oracle(data), data).batches(None)))
    codes = WhatClassification().update(view)
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
