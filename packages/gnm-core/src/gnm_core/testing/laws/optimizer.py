"""Laws of optimisers: they go downhill, stand still at rate 0, and go on from their state."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from gnm_core.contracts import Optimizer
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require
from gnm_core.training.switch import to_training


def _parameters() -> list[nn.Parameter]:
    torch.manual_seed(3)
    return [nn.Parameter(1 + torch.rand(4, 3)), nn.Parameter(1 + torch.rand(5))]


def _loss(parameters: list[nn.Parameter]) -> Tensor:
    return torch.stack([0.5 * parameter.square().sum() for parameter in parameters]).sum()


def _walk(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], steps: int) -> None:
    to_training([optimizer])
    for _ in range(steps):
        optimizer.zero_grad()
        _loss(parameters).backward()
        optimizer.step()


@law(Optimizer)
def it_takes_every_parameter(bench: Bench) -> None:
    """All parameters handed over are in its groups, once; `parts` are texts and `rate` a schedule."""
    recipe, parameters = bench.build(), _parameters()
    optimizer = recipe.build(iter(parameters))
    require(isinstance(optimizer, torch.optim.Optimizer), f"build gives a {type(optimizer).__name__}")
    held = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    missing = sum(id(parameter) not in held for parameter in parameters)
    require(missing == 0 and len(held) == len(parameters), f"it holds {len(held)} of {len(parameters)} parameters")
    require(all(isinstance(part, str) for part in recipe.parts), f"`parts` is {recipe.parts!r}; expected texts")
    for step in (0, 1, 10**6):
        rate = recipe.rate(step)
        require(math.isfinite(rate) and rate >= 0, f"the learning rate of step {step} is {rate}")


@law(Optimizer)
def it_goes_downhill(bench: Bench) -> None:
    """Fifty steps lower a bowl, and every parameter takes part."""
    parameters = _parameters()
    optimizer = bench.build().build(parameters)
    before, was = float(_loss(parameters).detach()), [parameter.detach().clone() for parameter in parameters]
    _walk(optimizer, parameters, 50)
    after = float(_loss(parameters).detach())
    require(after < before, f"50 steps take the loss of a bowl from {before:.4g} to {after:.4g}")
    for i, (parameter, old) in enumerate(zip(parameters, was, strict=True)):
        require(not torch.equal(parameter, old), f"parameter {i} of {len(was)} does not move")


@law(Optimizer)
def a_parameter_without_gradient_stays(bench: Bench) -> None:
    """What a stage does not train has no gradient, then or ever: it is left as it is, and the others move."""
    parameters = _parameters()
    optimizer = bench.build().build(parameters)
    was = _values(parameters)
    to_training([optimizer])
    for _ in range(3):
        optimizer.zero_grad()
        _loss(parameters[:1]).backward()
        optimizer.step()
    require(_gap(parameters[:1], was[:1]) > 0, "beside a parameter without a gradient, the others do not move")
    moved = _gap(parameters[1:], was[1:])
    require(moved == 0, f"a parameter without a gradient moves by {moved:.3g}")


@law(Optimizer)
def it_obeys_the_rate(bench: Bench) -> None:
    """The trainer sets the learning rate: at 0 nothing moves."""
    parameters = _parameters()
    optimizer = bench.build().build(parameters)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    was = [parameter.detach().clone() for parameter in parameters]
    _walk(optimizer, parameters, 3)
    moved = max(float((parameter.detach() - old).abs().max()) for parameter, old in zip(parameters, was, strict=True))
    require(moved == 0, f"with a learning rate of 0 in its groups, parameters move by {moved:.3g}")


@law(Optimizer)
def it_goes_on_from_its_state(bench: Bench) -> None:
    """Saved, loaded into a fresh copy and continued, it walks as if it had never stopped."""
    recipe, parameters = bench.build(), _parameters()
    optimizer = recipe.build(parameters)
    _walk(optimizer, parameters, 5)
    others = [nn.Parameter(parameter.detach().clone()) for parameter in parameters]
    resumed = bench.build(seed=1).build(others)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    _walk(optimizer, parameters, 5)
    _walk(resumed, others, 5)
    off = max(float((one - two).detach().abs().max()) for one, two in zip(parameters, others, strict=True))
    require(off == 0, f"after saving, loading and 5 more steps, parameters differ by {off:.3g} from those never saved")


@law(Optimizer)
def its_switch_changes_weights_alone(bench: Bench) -> None:
    """`eval()` and `train()` come together, do nothing when done again, lead back, and leave its state as it is."""
    parameters = _parameters()
    optimizer: Any = bench.build().build(parameters)
    both = [hasattr(optimizer, name) for name in ("train", "eval")]
    if not any(both):
        raise NotHere("it trains the weights that the model is used with")
    require(all(both), f"it has {'train' if both[0] else 'eval'}() and not the other: both, or neither")
    _walk(optimizer, parameters, 5)
    trained, kept = _values(parameters), copy.deepcopy(optimizer.state_dict()["state"])
    optimizer.eval()
    used = _values(parameters)
    optimizer.eval()
    require(_gap(parameters, used) == 0, f"a second eval() moves parameters by {_gap(parameters, used):.3g}")
    optimizer.train()
    back = _gap(parameters, trained)
    require(back <= 1e-5, f"eval() and train() move parameters by {back:.3g}: they do not lead back")
    again = _values(parameters)
    optimizer.train()
    require(_gap(parameters, again) == 0, f"a second train() moves parameters by {_gap(parameters, again):.3g}")
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            old = kept[number][name]
            same = torch.equal(value, old) if isinstance(value, Tensor) else value == old
            require(same, f"eval() and train() change '{name}' of its state")


def _values(parameters: list[nn.Parameter]) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


def _gap(parameters: list[nn.Parameter], others: list[Tensor]) -> float:
    return max(float((one.detach() - two).abs().max()) for one, two in zip(parameters, others, strict=True))
