"""Numbers that hold until the next one takes over."""

from bisect import bisect_right
from itertools import pairwise
from typing import Annotated

from annotated_types import Ge, Le

from gnm_core.contract import InSteps
from gnm_core.contracts import Schedule
from gnm_core.errors import OptionError


class Steps(Schedule):
    """Piecewise constant: `values[0]` before step `at[0]`, `values[1]` from step `at[0]` on, and so forth.

    Args:
        values: the numbers, one more than there are changes.
        at: the first step of each number but the first, ascending.

    Raises:
        OptionError: the two do not fit together, or `at` does not ascend.
    """

    def __init__(
        self, *, values: tuple[float, ...], at: tuple[Annotated[int, Ge(1), Le(10**12), InSteps()], ...]
    ) -> None:
        if len(values) != len(at) + 1:
            raise OptionError("values", f"{len(values)} of them for {len(at)} changes; expected {len(at) + 1}")
        if any(later <= earlier for earlier, later in pairwise(at)):
            raise OptionError("at", f"{list(at)} does not ascend")
        self.values, self.at = tuple(float(v) for v in values), tuple(at)

    def __call__(self, step: int) -> float:
        """The number that holds at `step`."""
        return self.values[bisect_right(self.at, step)]
