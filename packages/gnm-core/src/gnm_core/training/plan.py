"""Where each step of a training falls: its stage, its step within it, the images seen before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gnm_core.schema import Stage


@dataclass(frozen=True)
class Place:
    """Where one step falls."""

    index: int
    """Number of the stage, from 0."""
    stage: Stage
    local: int
    """Step within the stage, from 0."""
    position: int
    """Images seen before this step, over all stages and processes."""


class Plan:
    """The stages one after the other.

    Args:
        stages: complete ones, as `Training.schedule` makes them.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        self.lengths = tuple(stage.steps or 0 for stage in stages)
        self.batches = tuple(stage.batch or 0 for stage in stages)
        self.total = sum(self.lengths)
        """Steps of all stages."""

    def at(self, step: int) -> Place:
        """Where `step` falls, 0 <= step < total."""
        first = position = 0
        for index, (stage, length, batch) in enumerate(zip(self.stages, self.lengths, self.batches, strict=True)):
            if step < first + length:
                return Place(index, stage, step - first, position + (step - first) * batch)
            first, position = first + length, position + length * batch
        raise IndexError(f"step {step} of {self.total}")

    def end(self, index: int) -> int:
        """The first step after stage `index`."""
        return sum(self.lengths[: index + 1])
