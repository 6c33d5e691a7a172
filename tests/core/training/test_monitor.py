"""The collapse monitor names symptoms that last, in plain words, once."""

import pytest
from gnm_core.dims import Dims
from gnm_core.schema import Stage, Training
from gnm_core.training.monitor import CollapseMonitor, nonfinite
from gnm_core.training.plan import Plan

HEALTHY = {"objects": 4.0, "kl.scene": 5.0, "kl.where": 9.0}


def said(monitor: CollapseMonitor, values: dict[str, float], steps: range) -> list[str]:
    return [text for step in steps for text in monitor.watch(step, HEALTHY | values)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objects": 0.1}, "objects: hardly any cell holds an object"),
        ({"objects": 15.9}, "objects: every cell holds an object"),
        ({"kl.scene": 0.001}, "kl.scene: near zero; the latent 'scene' learns no more from the image"),
    ],
)
def test_a_lasting_symptom_is_named_once_and_so_is_its_end(values: dict[str, float], message: str) -> None:
    monitor = CollapseMonitor(Dims(grid=4), patience=100)
    assert not said(monitor, {}, range(0, 500, 50))
    assert not said(monitor, values, range(500, 600, 50))
    (text,) = said(monitor, values, range(600, 2000, 50))
    assert text.startswith(message)
    assert text.endswith("(since step 500)")
    (text,) = said(monitor, {}, range(2000, 3000, 50))
    assert text == f"{message.partition(': ')[0]}: recovered"


def test_a_passing_symptom_is_not_named() -> None:
    monitor = CollapseMonitor(Dims(grid=4), patience=100)
    for start in range(0, 1000, 100):
        assert not said(monitor, {"objects": 0.0}, range(start, start + 50, 10))
        assert not said(monitor, {}, range(start + 50, start + 100, 10))


def test_models_without_objects_are_not_blamed_for_it() -> None:
    monitor = CollapseMonitor(Dims(grid=4), patience=100)
    assert not [text for step in range(0, 500, 50) for text in monitor.watch(step, {"kl.code": 3.0})]


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
