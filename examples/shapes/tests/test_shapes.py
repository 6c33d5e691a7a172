"""The laws of four contracts, and the rule itself."""

from typing import Any

import pytest
from gnm_core import Data, Dims, Figure, Judge, Metric
from gnm_core.testing import Check, parametrize_checks
from gnm_shapes.figure import Framed
from gnm_shapes.judge import ShapesJudge
from gnm_shapes.metric import KeptShapes
from gnm_shapes.scenes import Shapes
from gnm_shapes.world import COLOURS, KINDS, broken_by

DIMS = Dims(channels=3, size=32)


@parametrize_checks(Data, Shapes, DIMS)
def test_the_data_set_keeps_its_contract(check: Check) -> None:
    check()


@parametrize_checks(Judge, ShapesJudge, DIMS)
def test_the_judge_keeps_its_contract(check: Check) -> None:
    check()


@parametrize_checks(Metric, KeptShapes, DIMS)
def test_the_metric_keeps_its_contract(check: Check) -> None:
    check()


@parametrize_checks(Figure, Framed, DIMS)
def test_the_figure_keeps_its_contract(check: Check) -> None:
    check()


@pytest.mark.parametrize("size", [32, 64, 128])
def test_the_judge_reads_every_scene_as_it_was_made(size: int) -> None:
    data = Shapes(Dims(channels=3, size=size), split="test")
    batch = data.batch(range(300))
    assert batch.truth is not None
    judge = ShapesJudge()
    assert all(verdict.accepted for verdict in judge.judge(batch.image))
    for image, labels in zip(batch.image, batch.truth.labels, strict=True):
        read: Any = judge.read(image)
        assert [data.classes.index(f"{colour} {kind}") for kind, colour in read] == labels.tolist()


def test_a_picture_that_breaks_the_rule_is_refused_with_the_reason() -> None:
    image = Shapes(DIMS).batch([0]).image
    turned, mirrored, empty = image.rot90(1, (2, 3)), image.flip(3), image.clone()
    empty[..., :16, :16] = 0
    reasons = [verdict.reason for verdict in ShapesJudge().judge(mirrored)]
    assert "expected" in reasons[0]
    assert ShapesJudge().judge(empty)[0].reason == "top-left is empty"
    (verdict,) = ShapesJudge().judge(turned)  # colours still go round; a triangle on its side is still one
    assert verdict.accepted


def test_one_way_in_864_obeys() -> None:
    ways = [(kind, colour) for kind in KINDS for colour in COLOURS]
    obeying = sum(not broken_by([a, b, c, d]) for a in ways for b in ways for c in ways for d in ways if a[1] == "red")
    assert obeying * len(COLOURS) * 864 == len(ways) ** 4
