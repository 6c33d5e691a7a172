"""Laws of curricula."""

from gnm_core.contracts import Curriculum, CurriculumState
from gnm_core.testing.bench import Bench
from gnm_core.testing.law import law
from gnm_core.testing.laws.schedule import STEPS
from gnm_core.testing.require import require


@law(Curriculum)
def states_in_range(bench: Bench) -> None:
    """What it imposes are shares in [0, 1], or nothing."""
    curriculum = bench.build()
    for step in STEPS:
        state = curriculum.at(step)
        require(isinstance(state, CurriculumState), f"at step {step} it is a {type(state).__name__}")
        for name in ("presence", "box_mask", "alpha"):
            value = getattr(state, name)
            fits = value is None or (isinstance(value, int | float) and 0 <= value <= 1)
            require(fits, f"at step {step} `{name}` is {value!r}; expected None or a number in [0, 1]")
        require(isinstance(state.present, bool), f"at step {step} `present` is {state.present!r}")


@law(Curriculum)
def a_function_of_the_step(bench: Bench) -> None:
    """Asked again, in another order, and of a fresh copy, it says the same."""
    curriculum, fresh = bench.build(), bench.build(seed=1)
    first = {step: curriculum.at(step) for step in STEPS}
    for step in reversed(STEPS):
        again = curriculum.at(step)
        require(again == first[step], f"at step {step} it says {first[step]}, then {again}")
        require(fresh.at(step) == first[step], f"at step {step} a fresh copy says {fresh.at(step)}, not {first[step]}")


@law(Curriculum)
def it_comes_to_an_end(bench: Bench) -> None:
    """In the end it helps no longer: what is evaluated knows no curriculum."""
    state = bench.build().at(STEPS[-1])
    require(state == CurriculumState(), f"at step {STEPS[-1]} it still imposes {state}")
