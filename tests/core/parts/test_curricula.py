"""Curricula say what holds at each step, and the renderer obeys."""

import pytest
from gnm_core import CurriculumState, OptionError
from gnm_core.parts.curricula.in_turn import InTurn


def test_painting_comes_before_masks_and_masks_before_absence() -> None:
    curriculum = InTurn(masks=3, absence=5, filling=0.8)
    assert [curriculum.at(step) for step in (0, 2)] == 2 * [CurriculumState(present=True, box_mask=0.8)]
    assert [curriculum.at(step) for step in (3, 4)] == 2 * [CurriculumState(present=True)]
    assert [curriculum.at(step) for step in (5, 10**6)] == 2 * [CurriculumState()]


def test_objects_that_paint_alone_cover_the_ground_until_there_are_masks() -> None:
    curriculum = InTurn(masks=3, absence=5, alone=True)
    assert [curriculum.at(step).alpha for step in (0, 2, 3)] == [1.0, 1.0, None]


def test_absence_before_masks_is_refused() -> None:
    with pytest.raises(OptionError, match="4 comes before masks = 5"):
        InTurn(masks=5, absence=4)
