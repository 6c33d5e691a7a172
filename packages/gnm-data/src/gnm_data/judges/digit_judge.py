"""What the judges of all digit scenes share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from gnm_core.contracts import Judge
from gnm_core.deprecated import renamed_names, renamed_override
from gnm_core.results import Verdict
from torch import Tensor

from gnm_data.judges.canvas import SIDE
from gnm_data.judges.digit_reader import DigitReader
from gnm_data.judges.reading import Candidates, Reading, best


@dataclass(frozen=True)
class RuleVerdict:
    """Whether one picture obeys one rule."""

    reason: str
    """Why the rule is broken; empty when it is obeyed."""
    margin: float
    """Log-probability of the best reading that obeys the rule less that of the best reading of any kind, <= 0."""
    labels: np.ndarray
    """(N,) int64: what the candidates are then taken for."""


@dataclass(frozen=True)
class Comparison:
    """The best reading that obeys the rule against the best one of any kind."""

    constrained: Reading
    unconstrained: Reading
    margin: float
    """Log-probability of `constrained` less that of `unconstrained`, <= 0."""


def compare(candidates: Candidates, obeying: Sequence[Reading]) -> Comparison:
    """Compare the best of the readings that obey a rule with the best of all."""
    unconstrained = best(candidates)
    constrained = max(obeying, key=lambda reading: reading.score)
    return Comparison(constrained, unconstrained, min(0.0, constrained.score - unconstrained.score))


class Rule(ABC):
    """What the digits of a data set obey."""

    name: ClassVar[str]
    """Registered name of the data set and its judge."""
    threshold: ClassVar[float]
    """Least margin of a scene that obeys, in nats; chosen on scenes of validation digits."""

    def __init_subclass__(cls, **options: Any) -> None:
        """A rule written against the old name `opinion` is one with `verdict`."""
        super().__init_subclass__(**options)
        renamed_override(cls, "opinion", "verdict")

    @abstractmethod
    def verdict(self, candidates: Candidates, unit: float) -> RuleVerdict:
        """Judge the candidates of one picture.

        Args:
            candidates: the digits.
            unit: pixels of the picture in one of the canvas, for the reason.
        """


class DigitJudge(Judge):
    """Reads the digits and compares the best reading that obeys the rule with the best one of any kind.

    A digit that could be a 4 or a 9 is taken for whichever the rule asks for; a scene fails when the rule's reading
    is much less likely than the unconstrained one, or when its digits stand where they may not.
    """

    channels: ClassVar[int] = 1
    """C of the pictures that it looks at."""
    rule: ClassVar[Rule]
    version: str = "2"

    def __init__(self) -> None:
        self._reader = DigitReader()

    def judge(self, images: Tensor) -> list[Verdict]:
        """(B, C, H, W) in [0, 1], of any size, grey or not → one verdict a picture.

        Raises:
            DataError: the pictures are not square.
        """
        finite = torch.isfinite(images).flatten(1).all(1).tolist()
        unit = images.shape[-1] / SIDE
        return [
            self._verdict(candidates, unit, is_finite)
            for candidates, is_finite in zip(self._reader.read(images), finite, strict=True)
        ]

    def _verdict(self, candidates: Candidates, unit: float, is_finite: bool) -> Verdict:
        verdict = self.rule.verdict(candidates, unit)
        reason = verdict.reason if is_finite else "some pixels are not numbers"
        objects = tuple(
            (str(label), float(x * unit), float(y * unit))
            for label, (x, y) in zip(verdict.labels, candidates.places, strict=True)
            if label != candidates.nothing
        )
        return Verdict(not reason, reason, verdict.margin, f"{self.rule.name}/{self.version}", objects)


__getattr__ = renamed_names(
    __name__,
    {"Opinion": f"{__name__}:RuleVerdict", "Weighed": f"{__name__}:Comparison", "weigh": f"{__name__}:compare"},
)
