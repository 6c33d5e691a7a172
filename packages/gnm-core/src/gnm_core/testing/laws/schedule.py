"""Laws of schedules."""

import math

from gnm_core.contracts import Schedule
from gnm_core.testing.bench import Bench
from gnm_core.testing.law import law
from gnm_core.testing.require import require

STEPS = (0, 1, 2, 10, 999, 1000, 10**5, 10**7, 10**9)


@law(Schedule)
def a_finite_number_at_every_step(bench: Bench) -> None:
    """A schedule is a number of Python's at every step."""
    schedule = bench.build()
    for step in STEPS:
        value = schedule(step)
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        require(plain, f"at step {step} it is a {type(value).__name__}; expected a number of Python's")
        require(math.isfinite(value), f"at step {step} it is {value}")


@law(Schedule)
def a_function_of_the_step(bench: Bench) -> None:
    """Asked again, in another order, and of a fresh copy, it says the same: a resumed training needs that."""
    schedule, fresh = bench.build(), bench.build(seed=1)
    first = {step: schedule(step) for step in STEPS}
    for step in reversed(STEPS):
        again, other = schedule(step), fresh(step)
        require(
            again == first[step] == other,
            f"at step {step} it says {first[step]:g}, then {again:g}, and a fresh copy {other:g}",
        )
