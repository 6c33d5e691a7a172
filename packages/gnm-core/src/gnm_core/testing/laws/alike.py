"""Laws of every part that maps a batch of something to a batch of something: no image minds the others."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.experiments import Experiment, Tensors, experiment_of
from gnm_core.testing.law import every_map
from gnm_core.testing.require import require

CLOSE = 1e-4
"""Of the largest number: how far float32 may round the same sum, taken in another order."""


def _experiment(bench: Bench) -> Experiment:
    found = experiment_of(bench.contract)
    if found is None:
        raise NotHere("it maps no batch to a batch")
    return found


def _set_up(bench: Bench, batch: int = 3, seed: int = 11) -> tuple[Any, Experiment, Tensors]:
    part, experiment = bench.part(), _experiment(bench)
    torch.manual_seed(seed)
    return part, experiment, experiment.inputs(part, bench.dims, batch)


def _seeded(run: Callable[[Any, Mapping[str, Tensor]], Tensors], part: Any, given: Tensors, seed: int = 5) -> Tensors:
    torch.manual_seed(seed)
    with torch.no_grad():
        return run(part, given)


def gap(value: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest number there; infinite where either is not a number."""
    if value.shape != expected.shape or not bool(value.isfinite().all() and expected.isfinite().all()):
        return float("inf")
    if value.numel() == 0:
        return 0.0
    return float((value.double() - expected.double()).abs().max() / expected.double().abs().max().clamp(min=1))


@every_map
def inputs_stay_as_they_are(bench: Bench) -> None:
    """Nothing that a part is given is changed in place."""
    part, experiment, given = _set_up(bench)
    before = {name: value.clone() for name, value in given.items()}
    for run in (experiment.fixed, experiment.drawn):
        if run is not None:
            _seeded(run, part, given)
        for name, value in given.items():
            changed = int((value != before[name]).sum())
            require(changed == 0, f"it changes its input '{name}' in place: {changed} of {value.numel()} numbers")


@every_map
def each_image_alone(bench: Bench) -> None:
    """Alone, an image gives what it gives among others."""
    part, experiment, given = _set_up(bench)
    together = _seeded(experiment.fixed, part, given)
    for i in range(3):
        alone = _seeded(experiment.fixed, part, {name: value[i : i + 1].clone() for name, value in given.items()})
        for name, value in alone.items():
            off = gap(value, together[name][i : i + 1])
            require(off <= CLOSE, f"{name} of image {i} alone differs from the same among 3 by {off:.2g} of its size")


@every_map
def neighbours_do_not_matter(bench: Bench) -> None:
    """With the same random state, an image gives the same beside other images, drawn outputs included."""
    part, experiment, given = _set_up(bench)
    torch.manual_seed(12)
    others = experiment.inputs(part, bench.dims, 3)
    mixed = {name: torch.cat([value[:1], others[name][1:]]) for name, value in given.items()}
    for run in (experiment.fixed, experiment.drawn):
        if run is not None:
            first, second = _seeded(run, part, given), _seeded(run, part, mixed)
            for name, value in first.items():
                off = gap(second[name][:1], value[:1])
                require(off <= CLOSE, f"{name} of an image changes by {off:.2g} of its size beside other images")


@every_map
def evaluation_is_deterministic(bench: Bench) -> None:
    """In evaluation mode no random state moves what is not drawn: dropout is off."""
    part, experiment, given = _set_up(bench)
    first, second = (_seeded(experiment.fixed, part, given, seed) for seed in (1, 2))
    for name, value in first.items():
        off = gap(second[name], value)
        require(off == 0, f"{name} differs by {off:.2g} of its size between two random states in evaluation mode")


@every_map
def it_remembers_nothing(bench: Bench) -> None:
    """The same again, after it has seen something else; in evaluation mode its state stays as it is."""
    part, experiment, given = _set_up(bench)
    before = {name: value.clone() for name, value in part.state_dict().items()} if isinstance(part, nn.Module) else {}
    torch.manual_seed(13)
    others = experiment.inputs(part, bench.dims, 3)
    for run in (experiment.fixed, experiment.drawn):
        if run is None:
            continue
        first = _seeded(run, part, given)
        _seeded(run, part, others)
        for name, value in _seeded(run, part, given).items():
            off = gap(value, first[name])
            require(off == 0, f"{name} differs by {off:.2g} of its size after it has seen other images")
    for name, value in before.items():
        require(torch.equal(part.state_dict()[name], value), f"'{name}' of its state changes in evaluation mode")


@every_map
def what_is_there_now_counts(bench: Bench) -> None:
    """Where other numbers are written into the same tensors, it gives what it gives for these: nothing is looked up."""
    part, experiment, given = _set_up(bench)
    torch.manual_seed(14)
    others = experiment.inputs(part, bench.dims, 3)
    expected = _seeded(experiment.fixed, bench.part(), others)
    _seeded(experiment.fixed, part, given)
    for name, value in given.items():
        value.copy_(others[name])
    for name, value in _seeded(experiment.fixed, part, given).items():
        off = gap(value, expected[name])
        require(
            off <= CLOSE,
            f"{name} differs by {off:.2g} of its size from a fresh copy's, after its inputs' tensors were filled anew: "
            "something is kept by address",
        )


@every_map
def gradients_change_nothing(bench: Bench) -> None:
    """With gradients and without, the outputs are the same."""
    part, experiment, given = _set_up(bench)
    without = _seeded(experiment.fixed, part, given)
    torch.manual_seed(5)
    for name, value in experiment.fixed(part, given).items():
        off = gap(value.detach(), without[name])
        require(off <= CLOSE, f"{name} differs by {off:.2g} of its size where gradients are on")


@every_map
def gradients_reach_the_inputs(bench: Bench) -> None:
    """Where an output depends on an input, a gradient says so."""
    part, experiment, given = _set_up(bench)
    names = [name for name in experiment.differentiable if name in given]
    if not names:
        raise NotHere("no gradient is asked of its inputs")
    leaves = {name: value.requires_grad_() if name in names else value for name, value in given.items()}
    outputs = experiment.fixed(part, leaves)
    loss = torch.zeros(())
    torch.manual_seed(6)
    for value in outputs.values():
        if value.requires_grad:
            loss = loss + (value * torch.randn_like(value)).sum()
    if loss.requires_grad:
        loss.backward()
    with torch.no_grad():
        base = experiment.fixed(part, given)
        for name in names:
            moved = {**given, name: given[name] + 0.05 * torch.rand_like(given[name])}
            off = max(gap(value, base[key]) for key, value in experiment.fixed(part, moved).items())
            gradient = leaves[name].grad
            slope = 0.0 if gradient is None else float(gradient.abs().max())
            require(
                off <= CLOSE or slope > 0,
                f"no gradient reaches '{name}' (it is {slope:g}), although moving it by 0.05 moves the outputs by "
                f"{off:.2g} of their size",
            )
