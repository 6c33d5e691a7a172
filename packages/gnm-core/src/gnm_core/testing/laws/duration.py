"""Laws of what lasts for some steps: twice the steps take twice as long, so that a plan can be shortened as a whole."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple
from math import isclose
from typing import Any

from gnm_core.contracts import Curriculum, Schedule
from gnm_core.errors import SpecError
from gnm_core.spec.shortened import steps_in, stretched
from gnm_core.spec.tree import Leaf, PartNode
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require

FOREVER = 10**9
MOST = 20_000
"""Steps that are looked through one by one."""


def _at(part: Any, step: int) -> Any:
    return part(step) if isinstance(part, Schedule) else part.at(step)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)
    if one is None or other is None:
        return one is other
    return all(_same(a, b) for a, b in zip(astuple(one), astuple(other), strict=True))


def _steps(named: Iterable[float]) -> list[int]:
    """Steps to look at: some along the way, and those about every number of steps that is named."""
    ends = [int(step) for step in named]
    last = max([*ends, 100])
    about = (step for end in ends for step in range(end - 2, end + 3))
    return sorted({step for step in (*about, *range(0, last + 10, max(1, last // 100))) if step >= 0})


def _end(part: Any, longest: float) -> int | None:
    """The first step from which on nothing changes; None where none is found up to `longest`."""
    if longest > MOST:
        return None
    last, late = _at(part, FOREVER), int(longest) + 2
    changing = next((step for step in range(late, -1, -1) if _at(part, step) != last), -1)
    return None if changing == late else changing + 1


@law(Schedule, Curriculum)
def twice_the_steps_take_twice_as_long(bench: Bench) -> None:
    """With every number of steps doubled, step 2 k is as step k was, and the end comes twice as late."""
    tree = bench.checked()
    counting = list(steps_in(tree))
    if not counting:
        raise NotHere("no option of it counts steps")
    once, twice = bench.build(), bench.build_from(stretched(tree, 2))
    for step in _steps(counting):
        was, now = _at(once, step), _at(twice, 2 * step)
        require(_same(was, now), f"step {step} has {was}; with all its steps doubled, step {2 * step} has {now}")
    end, later = _end(once, max(counting)), _end(twice, 2 * max(counting))
    if end is not None and later is not None:
        require(
            later == 2 * end,
            f"from step {end} on nothing changes; with all its steps doubled, from {later} on; expected {2 * end}",
        )


@law(Schedule, Curriculum)
def what_counts_steps_is_marked(bench: Bench) -> None:
    """An option that counts steps is annotated so (`InSteps`): `gnm train --within` shortens all of a plan alike."""
    tree, once = bench.checked(), bench.build()
    for name, value in tree.arguments.items() if isinstance(tree, PartNode) else ():
        if not (isinstance(value, Leaf) and isinstance(value.value, int | float)) or isinstance(value.value, bool):
            continue
        with suppress(SpecError):
            longer = bench.build_from(stretched(bench.checked(**{name.removesuffix("_"): 2 * value.value}), 2))
            marked = bench.build_from(stretched(tree, 2))
            steps = _steps([*steps_in(tree), value.value])
            takes_longer = all(_same(_at(longer, 2 * step), _at(once, step)) for step in steps)
            matters = any(not _same(_at(longer, step), _at(marked, step)) for step in steps)
            require(
                not (takes_longer and matters),
                f"'{name}' counts steps (doubled, all takes twice as long) and is not marked so; expected "
                f"Annotated[{type(value.value).__name__}, InSteps()], by gnm_core.InSteps",
            )
