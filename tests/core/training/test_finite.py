"""What is not finite is named by its cause; every step and image has its place in the plan."""

import pytest
from gnm_core.schema import Stage, Training
from gnm_core.training.finite import nonfinite
from gnm_core.training.plan import Plan


def test_what_is_not_finite_is_named_by_its_cause() -> None:
    nan, inf = float("nan"), float("inf")
    assert nonfinite({"loss": nan, "elbo": nan, "kl.a": inf, "kl.b": 1.0, "gradient": nan}) == ["kl.a"]
    assert nonfinite({"loss": 1.0, "gradient": nan}) == ["gradient"]
    assert nonfinite({"loss": inf, "gradient": nan, "kl.a": 1.0}) == ["loss", "gradient"]
    assert nonfinite({"loss": 1.0}) == []


def test_stages_take_what_they_leave_out_from_the_training() -> None:
    training = Training(
        batch=8, clip=2.0, stages=(Stage(steps=5), Stage(name="joint", batch=4, clip=1.0, train=("a",)))
    )
    first, second = training.schedule()
    assert (first.name, first.steps, first.batch, first.clip, first.train) == ("stage 1", 5, 8, 2.0, ())
    assert (second.name, second.steps, second.batch, second.clip) == ("joint", 100_000, 4, 1.0)
    assert len(Training().schedule()) == 1


def test_a_plan_places_every_step_and_every_image() -> None:
    plan = Plan(Training(stages=(Stage(steps=3, batch=2), Stage(steps=2, batch=5))).schedule())
    places = [plan.at(step) for step in range(plan.total)]
    assert [(place.index, place.local, place.position) for place in places] == [
        (0, 0, 0),
        (0, 1, 2),
        (0, 2, 4),
        (1, 0, 6),
        (1, 1, 11),
    ]
    assert (plan.total, plan.end(0), plan.end(1)) == (5, 3, 5)
    with pytest.raises(IndexError):
        plan.at(5)
