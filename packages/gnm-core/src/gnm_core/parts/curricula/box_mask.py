"""The supplement's curriculum for the foreground."""

from typing import Annotated

from annotated_types import Ge, Gt, Le

from gnm_core.contract import InSteps
from gnm_core.contracts import Curriculum, CurriculumState


class BoxMask(Curriculum):
    """Every mask fills its box with a constant: the foreground answers for 90 % of the boxed area (supplement).

    Args:
        value: what fills the box.
        until: first step without it.
    """

    def __init__(
        self, *, value: Annotated[float, Gt(0), Le(1)] = 0.9, until: Annotated[int, Ge(0), Le(10**12), InSteps()] = 500
    ) -> None:
        self.value, self.until = value, until

    def at(self, step: int) -> CurriculumState:
        """The mask's filling before step `until`, nothing after."""
        return CurriculumState(box_mask=self.value) if step < self.until else CurriculumState()
