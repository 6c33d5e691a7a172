"""Steps until a classifier tells samples from data."""

import pytest
import torch
from gnm_core.errors import OptionError
from gnm_core.evaluation.context import Skip
from gnm_core.evaluation.metrics.d_steps import Classifier, DSteps

from ..toys import Oracle, Squares
from .taking import CHEAP, take


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
