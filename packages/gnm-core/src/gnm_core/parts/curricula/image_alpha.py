"""The published implementation's curriculum for the foreground."""

from typing import Annotated

from annotated_types import Ge, Gt, Le

from gnm_core.contract import InSteps
from gnm_core.contracts import Curriculum, CurriculumState


class ImageAlpha(Curriculum):
    """The foreground covers the whole image by a constant, presence stays below one; in force for 0 < step < until.

    Args:
        alpha: share of every pixel that the foreground answers for.
        presence: ceiling of z^pres.
        until: first step without it.
    """

    def __init__(
        self,
        *,
        alpha: Annotated[float, Gt(0), Le(1)] = 0.9,
        presence: Annotated[float, Gt(0), Le(1)] = 0.99,
        until: Annotated[int, Ge(0), Le(10**12), InSteps()] = 500,
    ) -> None:
        self.alpha, self.presence, self.until = alpha, presence, until

    def at(self, step: int) -> CurriculumState:
        """Ceiling and alpha while 0 < step < `until`, nothing else."""
        return CurriculumState(presence=self.presence, alpha=self.alpha) if 0 < step < self.until else CurriculumState()
