"""Laws of numbers and sizes: other sizes, twice the digits, half the digits."""

import torch

from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.exercises import exercise_of
from gnm_core.testing.law import every_map
from gnm_core.testing.laws.alike import _experiment, _seeded, _set_up, gap
from gnm_core.testing.require import require

SINGLE = 1e-3
"""Of the largest number: how far float32 may be from float64, through some layers."""


@every_map
def other_sizes(bench: Bench) -> None:
    """It keeps its contract at every size that its constructor accepts."""
    others = bench.others()
    if not others:
        raise NotHere("its constructor refuses every other size")
    for dims, part in others:
        torch.manual_seed(7)
        try:
            with torch.no_grad():
                outputs = exercise_of(bench.contract)(part, dims)
        except Exception as error:
            raise AssertionError(f"its constructor accepts {dims}, but: {type(error).__name__}: {error}") from error
        for name, value in outputs.items():
            require(bool(value.isfinite().all()), f"{name} is not finite everywhere at {dims}")


@every_map
def numbers_stay_of_their_kind(bench: Bench) -> None:
    """float32 in, float32 out: what comes after has weights of that kind."""
    part, experiment, given = _set_up(bench)
    for run in (experiment.fixed, experiment.drawn):
        for name, value in ({} if run is None else _seeded(run, part, given)).items():
            fits = value.dtype == torch.float32 or not value.is_floating_point()
            require(fits, f"{name} is of {value.dtype} where its inputs and parameters are of torch.float32")


@every_map
def twice_the_digits(bench: Bench) -> None:
    """In float64 it gives the same, but for rounding."""
    part, experiment, given = _set_up(bench)
    single = _seeded(experiment.fixed, part, given)
    double = _seeded(experiment.fixed, part.double(), {name: value.double() for name, value in given.items()})
    for name, value in double.items():
        off = gap(single[name], value)
        require(off <= SINGLE, f"{name} in float32 differs from float64 by {off:.2g} of its size")


@every_map
def half_the_digits(bench: Bench) -> None:
    """Under bf16 autocast it works, and its outputs are finite and as large."""
    part, experiment, given = _set_up(bench)
    full = _seeded(experiment.fixed, part, given)
    with torch.autocast("cpu", torch.bfloat16):
        for name, value in _seeded(experiment.fixed, part, given).items():
            require(value.shape == full[name].shape, f"{name} has another shape under bf16 autocast")
            require(bool(value.isfinite().all()), f"{name} is not finite everywhere under bf16 autocast")
    torch.manual_seed(7)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        exercise_of(bench.contract)(part, bench.dims)


__all__ = ["_experiment", "half_the_digits", "numbers_stay_of_their_kind", "other_sizes", "twice_the_digits"]
