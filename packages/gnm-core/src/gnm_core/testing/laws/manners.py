"""Laws of what a part must not mind (layouts in memory, flat pictures, copies) and must leave alone (torch's state)."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnm_core.contract import Contract
from gnm_core.randomness import borrowed_random_state
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.exercises import exercise_of
from gnm_core.testing.experiments import experiment_of
from gnm_core.testing.law import every_map, law
from gnm_core.testing.laws.alike import CLOSE, _seeded, _set_up, gap
from gnm_core.testing.require import require
from gnm_core.testing.uses import use_of

FLAT = ("image", "glimpse", "cover", "features", "hidden", "what", "code", "background")
"""Inputs that may be the same everywhere: a white page, a black night, a code of zeros."""


@law(Contract)
def its_parameters_are_there_from_the_start(bench: Bench) -> None:
    """Nothing is made on first use: optimisers and checkpoints would miss it."""
    part = bench.build()
    if not isinstance(part, nn.Module):
        raise NotHere("it has no parameters")
    before = _shapes(part)
    torch.manual_seed(7)
    with torch.no_grad():
        exercise_of(bench.contract)(part, bench.dims)
    after = _shapes(part)
    late = ", ".join(f"'{name}' {after[name]}" for name in after if before.get(name) != after[name])
    require(not late, f"made on first use: {late}")
    gone = ", ".join(f"'{name}'" for name in before if name not in after)
    require(not gone, f"gone after first use: {gone}")


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


@law(Contract)
def a_copy_does_the_same(bench: Bench) -> None:
    """A deep copy gives the same outputs: trainings try parts out on copies."""
    part = bench.part()
    if not isinstance(part, nn.Module):
        raise NotHere("it has no parameters")
    outputs = []
    for one in (part, deepcopy(part)):
        torch.manual_seed(7)
        with torch.no_grad():
            outputs.append(exercise_of(bench.contract)(one, bench.dims))
    for name, value in outputs[0].items():
        same = torch.equal(value.nan_to_num(), outputs[1][name].nan_to_num())
        require(same, f"{name} of a copy differs by {gap(outputs[1][name], value):.2g} of its size")


@law(Contract)
def torch_is_left_as_it_was(bench: Bench) -> None:
    """It sets nobody's random state, no gradient mode, no default type, no number of threads."""
    uses = list(_uses(bench))
    kept = (torch.is_grad_enabled(), torch.get_default_dtype(), random.getstate(), np.random.get_state())
    states = []
    try:
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            for use in uses:
                before = _settings()
                use()
                for name, value in _settings().items():
                    require(value == before[name], f"it leaves {name} at {value}; it was {before[name]}")
            states.append({"torch": torch.rand(1).item(), "numpy": np.random.rand(), "Python": random.random()})
    finally:
        torch.set_grad_enabled(kept[0])
        torch.set_default_dtype(kept[1])
        random.setstate(kept[2])
        np.random.set_state(kept[3])
    for whose, value in states[0].items():
        require(value != states[1][whose], f"it sets {whose}'s random state: what is drawn next is the same always")


def _uses(bench: Bench) -> Iterator[Callable[[], object]]:
    """Ways to use the part, as trainings and evaluations do."""
    if experiment_of(bench.contract) is None:
        yield partial(use_of(bench.contract), bench.part(), bench.dims)
        return
    part, experiment, given = _set_up(bench)
    yield from (partial(run, part, given) for run in (experiment.fixed, experiment.drawn) if run is not None)


def _settings() -> dict[str, Any]:
    return {
        "the gradient mode": torch.is_grad_enabled(),
        "the default type": torch.get_default_dtype(),
        "the number of threads": torch.get_num_threads(),
        "autograd's anomaly mode": torch.is_anomaly_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
    }


@every_map
def memory_layout_does_not_matter(bench: Bench) -> None:
    """Inputs that lie elsewhere in memory, with gaps between their numbers, give the same."""
    part, experiment, given = _set_up(bench)
    expected = _seeded(experiment.fixed, part, given)
    apart = {name: torch.cat([value, value[..., :1]], -1)[..., :-1] for name, value in given.items()}
    for name, value in _seeded(experiment.fixed, part, apart).items():
        off = gap(value, expected[name])
        require(off <= CLOSE, f"{name} differs by {off:.2g} of its size where inputs are not contiguous in memory")


@every_map
def flat_inputs_are_inputs(bench: Bench) -> None:
    """All zero or all one, a picture or a code gives finite outputs, and finite gradients to every parameter."""
    part, experiment, given = _set_up(bench)
    flat = [name for name in given if name in FLAT]
    for level in (0.0, 1.0):
        inputs = given | {name: torch.full_like(given[name], level) for name in flat}
        for run in (experiment.fixed, experiment.drawn):
            if run is None:
                continue
            torch.manual_seed(5)
            outputs = run(part, inputs)
            for name, value in outputs.items():
                bad = int((~value.isfinite()).sum())
                require(bad == 0, f"{name} is not finite where inputs are all {level:g}: {bad} of {value.numel()}")
            _require_finite_gradients(part, list(outputs.values()), level)


def _require_finite_gradients(part: nn.Module, outputs: list[Tensor], level: float) -> None:
    loss = sum((value.sum() for value in outputs if value.requires_grad), torch.zeros(()))
    if not loss.requires_grad:
        return
    with borrowed_random_state():
        part.zero_grad()
        loss.backward()
    for name, parameter in part.named_parameters():
        finite = parameter.grad is None or bool(parameter.grad.isfinite().all())
        require(finite, f"the gradient of '{name}' is not finite where inputs are all {level:g}")
    part.zero_grad()
