"""Each fault is provoked in a real model, and told in words; what a schedule asks for is no fault."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from gnm_core import compose
from gnm_core.diagnosis.asked import Asked, asked_of
from gnm_core.diagnosis.caption import caption_of
from gnm_core.diagnosis.rules import RULES, Finding, diagnose
from gnm_core.diagnosis.signs import signs_of
from torch import Tensor, nn

from .small import SMALL

OVER = 10**6
"""A step at which every schedule has ended."""


@pytest.fixture(scope="module")
def fresh() -> nn.Module:
    torch.manual_seed(0)
    return compose(SMALL).eval()


@pytest.fixture
def model(fresh: nn.Module) -> Any:
    return deepcopy(fresh)


@pytest.fixture
def image() -> Tensor:
    torch.manual_seed(1)
    coarse = torch.rand(16, 3, 4, 4)
    return nn.functional.interpolate(coarse, size=32, mode="nearest")


def fix(layer: nn.Conv2d | nn.Linear, *bias: float) -> None:
    """The same answer to everything."""
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor(bias).expand_as(layer.bias) if len(bias) == 1 else torch.tensor(bias))


def presence(model: Any, bias: float) -> None:
    fix(model.head.presence, bias)


def masks(model: Any, logit: float) -> None:
    """How opaque every object is."""
    last = model.renderer.glimpse.layers[-1]
    with torch.no_grad():
        last.weight.view(4, -1, last.in_features)[-1].zero_()
        last.bias.view(4, -1)[-1] = logit


@torch.no_grad()
def findings(model: Any, image: Tensor, *, step: int = OVER, asked: Asked | None = None, **more: Any) -> list[Finding]:
    asked = asked_of(model, step) if asked is None else asked
    return diagnose(signs_of(model.reconstruct(image), image, step=step, asked=asked, **more))


def names(found: list[Finding]) -> list[str]:
    return [finding.name for finding in found]


def test_few_steps_are_too_few_whatever_else_is_seen(model: Any, image: Tensor) -> None:
    presence(model, -3.0)
    (finding,) = findings(model, image, step=150, total=4000, asked=Asked())
    assert "150 of 4,000 steps" in str(finding)
    assert "too few" in finding.name


def test_presence_that_has_died_is_told_with_what_to_change(model: Any, image: Tensor) -> None:
    presence(model, -3.0)
    found = findings(model, image, step=200, asked=Asked())
    assert "no objects" in names(found)
    assert "model.presence_prior.rate" in str(found[0])


def test_an_object_in_every_cell_is_told(model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    masks(model, -8.0)
    assert "every cell an object" in names(findings(model, image))


def test_objects_that_paint_the_ground_are_told(model: Any, image: Tensor) -> None:
    with torch.no_grad():  # about half of the cells, each with a large opaque box
        model.head.presence.weight.normal_(std=50)
    fix(model.head.where, 2.0, 0, 0, 0, -8, -8, -8, -8)
    masks(model, 8.0)
    found = findings(model, image)
    assert "objects tile the picture" in names(found)
    assert "%" in next(f.seen for f in found if f.name == "objects tile the picture")


def test_boxes_that_are_all_alike_are_told(model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    fix(model.head.where, -1.1, 0, 0, 0, 0, 0, 0, 0)
    assert "boxes at the prior's mean" in names(findings(model, image))
    held = asked_of(model, OVER, {"auxiliary.where": 100.0})
    assert "boxes at the prior's mean" not in names(findings(model, image, asked=held))


def test_boxes_that_have_not_yet_left_where_they_begin_are_no_fault(model: Any, image: Tensor) -> None:
    """As in a training of mnist-10-64, which found its digits: alike at steps 200 and 300, and no more at 400."""
    presence(model, 3.0)
    fix(model.head.where, -1.1, 0, 0, 0, 0, 0, 0, 0)
    alike = [names(findings(model, image, step=step, asked=Asked())) for step in (300, 499, 500)]
    assert ["boxes at the prior's mean" in found for found in alike] == [False, False, True]


def test_boxes_that_follow_the_picture_are_not(model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    with torch.no_grad():
        model.head.where.weight.normal_(std=0.5)
    assert "boxes at the prior's mean" not in names(findings(model, image))


def test_a_background_that_leaves_nothing_to_the_objects_is_told(model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    masks(model, -8.0)
    last = model.renderer.background.layers[-1]
    with torch.no_grad():  # it paints one picture, and that is the picture
        last.weight.zero_()
        last.bias.normal_()
        painted = model.reconstruct(image).rendering.background
    assert "the background explains objects" in names(findings(model, painted.contiguous()))
    assert "the background explains objects" not in names(findings(model, image))


def test_a_latent_that_says_nothing_is_told(model: Any, image: Tensor) -> None:
    fix(model.head.where, 0.0)  # posterior and prior alike, whatever the picture
    with torch.no_grad():
        terms = model.terms(image, OVER)
    said = {f"kl.{name}": float(value.mean()) for name, value in terms.kl.items()}
    (unused,) = [finding for finding in findings(model, image, divergences=said) if "unused" in finding.name]
    assert unused.seen == "where says 0.0000 nats"


def test_what_need_not_be_said_is_no_unused_latent(model: Any, image: Tensor) -> None:
    """As in a training of mnist-4-10-64, whose digits never overlap: depth fell to 0.0055 nats, presence to 0.1."""
    said = {"kl.scene": 200.0, "kl.presence": 0.005, "kl.where": 30.0, "kl.depth": 0.0055, "kl.what": 22.0}
    told = [
        {finding.name: finding for finding in findings(model, image, divergences=divergences)}.get("a latent unused")
        for divergences in (said, said | {"kl.what": 0.005}, said | {"kl.scene": 0.001})
    ]
    assert told[0] is None
    assert told[1] is not None
    assert told[1].seen == "what says 0.0050 nats"
    assert told[2] is not None
    assert told[2].seen == "scene says 0.0010 nats, presence says 0.0050 nats"


def test_a_likelihood_that_stays_is_told(model: Any, image: Tensor) -> None:
    assert "loss flat" not in names(findings(model, image))
    (flat,) = [f for f in findings(model, image, flat_since=1200) if f.name == "loss flat"]
    assert "since step 1,200" in flat.seen


@pytest.mark.parametrize("step", [300, 1500, 2400])
def test_a_curriculum_that_asks_for_all_objects_raises_no_alarm(step: int, model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    masks(model, 8.0)
    fix(model.head.where, -1.1, 0, 0, 0, 0, 0, 0, 0)
    asked = asked_of(model, step, {"auxiliary.where": 100.0})
    assert asked.present
    assert names(findings(model, image, step=step, asked=asked)) == ["too few steps yet"]


def test_while_the_rate_falls_many_objects_are_a_matter_of_time(model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    fix(model.head.where, -1.1, 0, 0, 0, 0, 0, 0, 0)
    asked = asked_of(model, 6000, {"auxiliary.where": 100.0})
    assert names(findings(model, image, step=6000, total=30_000, asked=asked)) == ["too few steps yet"]


def test_once_they_may_go_the_same_is_an_alarm(model: Any, image: Tensor) -> None:
    presence(model, 3.0)
    assert not asked_of(model, 9000).many
    assert "every cell an object" in names(findings(model, image, step=9000))


def test_a_rate_that_still_asks_for_many_hides_no_death(model: Any, image: Tensor) -> None:
    presence(model, -3.0)
    assert asked_of(model, 2600).many
    assert not asked_of(model, 2600).present
    assert "no objects" in names(findings(model, image, step=2600))


def test_a_model_without_objects_is_not_blamed_for_it() -> None:
    from gnm_core.results import Scene

    assert diagnose(signs_of(Scene(torch.rand(2, 1, 8, 8)), torch.rand(2, 1, 8, 8), step=1000)) == []


def test_every_rule_says_what_to_change() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.change for rule in RULES)


def test_a_picture_of_other_data_says_that_it_is_one() -> None:
    finding = Finding("no objects", "0.00 objects a picture", "Ask for objects")
    assert caption_of([finding]) == "Beware: no objects (0.00 objects a picture)."
    assert caption_of([finding], "photos").startswith("Beware of what it makes of photos, which it did not learn from:")
    assert caption_of([], "photos") == ""
