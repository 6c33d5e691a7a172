"""Conformance kit for authors of parts: one call tests a part against everything that its contract promises.

In a plugin's tests:

    from gnm_core import Dims, ScenePrior
    from gnm_core.testing import check_part

    def test_student_t_keeps_the_contract():
        check_part(ScenePrior, StudentTPrior, Dims(size=32, features=8), dof=5.0)
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from gnm_core.contracts import Contract
from gnm_core.dims import Dims
from gnm_core.errors import SpecError
from gnm_core.plugins import installed
from gnm_core.randomness import borrowed_random_state
from gnm_core.registry import Provider, Register, Registry
from gnm_core.spec.build import Builder
from gnm_core.spec.single import checked_part
from gnm_core.testing.exercises import EXERCISES, Exercise, Outputs, contracts_of, exercise_of
from gnm_core.testing.require import ConformanceError, require

__all__ = ["EXERCISES", "ConformanceError", "check_part", "contracts_of"]


def check_part(
    contract: type[Contract],
    part: str | type[Contract],
    dims: Dims | None = None,
    **options: object,
) -> None:
    """Test one part against its contract.

    Checked for every part: it can be built on the meta device and for real; its outputs have the promised shapes
    and are finite; the same seed gives the same outputs; gradients reach every parameter; and its state, loaded into
    a fresh copy, gives the same outputs. Each contract adds its own promises.

    Args:
        contract: the slot that the part is for, such as `ScenePrior`.
        part: a registered name, or the class itself.
        dims: sizes; small ones by default.
        options: the part's options, as a spec would give them.

    Raises:
        ConformanceError: a promise is broken.
        SpecError: the options do not fit.
    """
    dims = dims or Dims(size=32, grid=4, features=8, scene=5, what=6, background=4)
    registry, name = _registered(contract, part)
    tree = checked_part(contract, {"use": name, **options}, registry)

    def build() -> Any:
        builder = Builder(dims)
        built = builder.build(tree)
        if builder.problems:
            raise SpecError(builder.problems)
        return built

    exercise = exercise_of(contract)
    with borrowed_random_state():
        _check_meta(build)
        torch.manual_seed(0)
        first = build()
        _check_outputs(first, dims, exercise)
        _check_gradients(first, dims, exercise)
        torch.manual_seed(1)
        _check_state(first, build(), dims, exercise)


def _registered(contract: type[Contract], part: str | type[Contract]) -> tuple[Registry, str]:
    """The registry and the name to look the part up with."""
    if isinstance(part, str):
        return installed(), part
    register = Register(Provider("under-test", "0"))
    register.part(contract.kind, "under-test", part)
    registry = Registry(list(installed().plugins), dict(installed().parts))
    registry.add(register)
    return registry, "under-test"


# Promises of every part


def _check_meta(build: Callable[[], object]) -> None:
    with torch.device("meta"):
        built = build()
    if isinstance(built, nn.Module):
        for name, tensor in [*built.named_parameters(), *built.named_buffers()]:
            require(
                tensor.device.type == "meta",
                f"'{name}' is on {tensor.device} under torch.device('meta'): the constructor sets a device of its own",
            )


def _run(part: object, dims: Dims, exercise: Exercise) -> Outputs:
    torch.manual_seed(7)
    return exercise(part, dims)


def _check_outputs(part: object, dims: Dims, exercise: Exercise) -> None:
    if isinstance(part, nn.Module):
        part.eval()  # while learning, a batch norm rightly moves between two runs
    outputs = _run(part, dims, exercise)
    for name, value in outputs.items():
        require(bool(value.isfinite().all()), f"{name} is not finite everywhere")
    for name, again in _run(part, dims, exercise).items():
        require(torch.equal(outputs[name], again), f"{name} differs between two runs with the same seed")
    if isinstance(part, nn.Module):
        part.train()


def _check_gradients(part: object, dims: Dims, exercise: Exercise) -> None:
    if not isinstance(part, nn.Module) or not list(part.parameters()):
        return
    with torch.no_grad():  # away from zero: a layer may be initialised to hide what lies before it
        for parameter in part.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    loss = torch.zeros(())
    for value in _run(part, dims, exercise).values():
        if value.requires_grad:
            loss = loss + (value * torch.randn_like(value)).sum()
    require(loss.requires_grad, "no output depends on any parameter")
    loss.backward()
    for name, parameter in part.named_parameters():
        require(parameter.grad is not None, f"no gradient reaches the parameter '{name}'")
        gradient = cast(Tensor, parameter.grad)
        require(bool(gradient.isfinite().all()), f"the gradient of '{name}' is not finite")
        require(bool(gradient.any()), f"the gradient of '{name}' is zero everywhere")
    part.zero_grad()


def _check_state(part: object, fresh: object, dims: Dims, exercise: Exercise) -> None:
    if not (isinstance(part, nn.Module) and isinstance(fresh, nn.Module)):
        return
    fresh.load_state_dict({name: value.clone() for name, value in part.state_dict().items()}, strict=True)
    expected = _run(part.eval(), dims, exercise)
    for name, value in _run(fresh.eval(), dims, exercise).items():
        require(torch.equal(expected[name], value), f"{name} differs after saving and loading: state is missing")
