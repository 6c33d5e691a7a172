"""Laws of every part: it can be built anywhere, repeats itself, learns, and is saved as it is."""

from typing import cast

import torch
from torch import Tensor, nn

from gnm_core.contract import Contract
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.exercises import Outputs, exercise_of
from gnm_core.testing.law import law
from gnm_core.testing.require import require


def _run(bench: Bench, part: object) -> Outputs:
    torch.manual_seed(7)
    return exercise_of(bench.contract)(part, bench.dims)


@law(Contract)
def builds_without_values(bench: Bench) -> None:
    """The constructor names no device."""
    with torch.device("meta"):
        built = bench.build()
    if isinstance(built, nn.Module):
        for name, tensor in [*built.named_parameters(), *built.named_buffers()]:
            require(
                tensor.device.type == "meta",
                f"'{name}' is on {tensor.device} under torch.device('meta'): the constructor sets a device of its own",
            )


@law(Contract)
def outputs_are_as_promised(bench: Bench) -> None:
    """Shapes, ranges, finite numbers; the same again from the same random state."""
    part = bench.build()
    if isinstance(part, nn.Module):
        part.eval()  # while learning, a batch norm rightly moves between two runs
    outputs = _run(bench, part)
    for name, value in outputs.items():
        require(bool(value.isfinite().all()), f"{name} is not finite everywhere")
    for name, again in _run(bench, part).items():
        require(torch.equal(outputs[name], again), f"{name} differs between two runs with the same seed")


@law(Contract)
def gradients_reach_every_parameter(bench: Bench) -> None:
    """No parameter is there for nothing."""
    part = bench.build()
    if not isinstance(part, nn.Module) or not list(part.parameters()):
        raise NotHere("it has no parameters")
    with torch.no_grad():  # away from zero: a layer may be initialised to hide what lies before it
        for parameter in part.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    outputs = _run(bench, part)
    if not outputs:
        raise NotHere("what parts of its kind return is not known here")
    loss = torch.zeros(())
    for value in outputs.values():
        if value.requires_grad:
            loss = loss + (value * torch.randn_like(value)).sum()
    require(loss.requires_grad, "no output depends on any parameter")
    loss.backward()
    for name, parameter in part.named_parameters():
        require(parameter.grad is not None, f"no gradient reaches the parameter '{name}'")
        gradient = cast(Tensor, parameter.grad)
        require(bool(gradient.isfinite().all()), f"the gradient of '{name}' is not finite")
        require(bool(gradient.any()), f"the gradient of '{name}' is zero everywhere")


@law(Contract)
def its_state_is_all_of_it(bench: Bench) -> None:
    """Saved and loaded into a fresh copy, it gives the same outputs."""
    part, fresh = bench.part(), bench.build(seed=1)
    if not (isinstance(part, nn.Module) and isinstance(fresh, nn.Module)):
        raise NotHere("it has no state")
    fresh.load_state_dict({name: value.clone() for name, value in part.state_dict().items()}, strict=True)
    expected = _run(bench, part)
    for name, value in _run(bench, fresh.eval()).items():
        require(torch.equal(expected[name], value), f"{name} differs after saving and loading: state is missing")
