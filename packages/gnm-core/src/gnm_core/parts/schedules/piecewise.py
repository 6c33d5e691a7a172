"""A polyline through given points."""

from bisect import bisect_right
from itertools import pairwise
from typing import Annotated

from annotated_types import Ge, Le

from gnm_core.contract import InSteps
from gnm_core.contracts import Schedule
from gnm_core.errors import OptionError


class Piecewise(Schedule):
    """Piecewise linear: `values[i]` at step `at[i]`, straight lines between, held before the first and after the last.

    Args:
        values: the numbers.
        at: the step of each number, ascending.

    Raises:
        OptionError: there are no points, the two do not fit together, or `at` does not ascend.
    """

    def __init__(
        self, *, values: tuple[float, ...], at: tuple[Annotated[int, Ge(0), Le(10**12), InSteps()], ...]
    ) -> None:
        if not values:
            raise OptionError("values", "empty; expected at least one number")
        if len(values) != len(at):
            raise OptionError("values", f"{len(values)} of them for {len(at)} steps; expected as many as in `at`")
        if any(later <= earlier for earlier, later in pairwise(at)):
            raise OptionError("at", f"{list(at)} does not ascend")
        self.values, self.at = tuple(float(v) for v in values), tuple(at)

    def __call__(self, step: int) -> float:
        """The polyline's value at `step`."""
        after = bisect_right(self.at, step)
        if after == 0:
            return self.values[0]
        if after == len(self.at):
            return self.values[-1]
        share = (step - self.at[after - 1]) / (self.at[after] - self.at[after - 1])
        return self.values[after - 1] * (1 - share) + self.values[after] * share
