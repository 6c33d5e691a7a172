"""From one number to another, along a straight line."""

from typing import Annotated

from annotated_types import Ge, Le

from gnm_core.contract import InSteps
from gnm_core.contracts import Schedule
from gnm_core.errors import OptionError


class Linear(Schedule):
    """`from` before step `since`, `to` from step `until` on, a straight line between.

    In a spec `{from: 0.1, to: 0.001, until: 4000}` means this, without naming it.

    Args:
        from_: value up to step `since`.
        to: value from step `until` on.
        until: first step that has the value `to`.
        since: last step that has the value `from`.

    Raises:
        OptionError: `until` is not after `since`.
    """

    def __init__(
        self,
        *,
        from_: float,
        to: float,
        until: Annotated[int, Ge(1), Le(10**12), InSteps()],
        since: Annotated[int, Ge(0), Le(10**12), InSteps()] = 0,
    ) -> None:
        if until <= since:
            raise OptionError("until", f"{until} is not after since = {since}")
        self.start, self.end, self.since, self.until = float(from_), float(to), since, until

    def __call__(self, step: int) -> float:
        """The line's value at `step`, held at either end."""
        share = min(max((step - self.since) / (self.until - self.since), 0.0), 1.0)
        return self.start * (1 - share) + self.end * share
