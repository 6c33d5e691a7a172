"""A curriculum for masks and a background: first painting, then masks, then absence."""

from typing import Annotated

from annotated_types import Ge, Gt, Le

from gnm_core.contract import InSteps
from gnm_core.contracts import Curriculum, CurriculumState
from gnm_core.errors import OptionError


class InTurn(Curriculum):
    """Every object is there and opaque at first, so that glimpses learn to paint; then masks; then objects may go.

    Whatever learns later can neither outrun what it needs nor flee from it: before `absence`, z^pres learns from its
    own KL alone, and before `masks` masks do not learn.

    Args:
        masks: first step at which masks are their own.
        absence: first step at which z^pres counts.
        filling: what fills every box until then.
        alone: whether objects paint all by themselves until then, the ground too; a background that can paint at once
            would leave them nothing, and their boxes flee from the pictures.

    Raises:
        OptionError: `absence` comes before `masks`.
    """

    def __init__(
        self,
        *,
        masks: Annotated[int, Ge(0), Le(10**12), InSteps()] = 500,
        absence: Annotated[int, Ge(0), Le(10**12), InSteps()] = 1000,
        filling: Annotated[float, Gt(0), Le(1)] = 0.9,
        alone: bool = False,
    ) -> None:
        if absence < masks:
            raise OptionError(
                "absence", f"{absence} comes before masks = {masks}; objects may go once they have a shape"
            )
        self.masks, self.absence, self.filling, self.alone = masks, absence, filling, alone

    def at(self, step: int) -> CurriculumState:
        """Opaque and present, then present, then nothing."""
        opaque = step < self.masks
        return CurriculumState(
            present=step < self.absence,
            box_mask=self.filling if opaque else None,
            alpha=1.0 if opaque and self.alone else None,
        )
