"""What a resumed training takes from its checkpoint, and what its spec decides anew.

What was learned comes from the checkpoint: the state that an optimiser keeps for each parameter, the numbers that an
objective has moved. What was said comes from the spec: every option. Where one number is both (an option says where
it begins, the training has moved it since), the option cannot change any more, and a change is refused.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gnm_core.contracts import Optimizer
from gnm_core.errors import RunError
from gnm_core.printable import said_by, short
from gnm_core.randomness import borrowed_random_state
from gnm_core.runs.state import Began, Group
from gnm_core.tensors import kind_of
from gnm_core.training.switch import to_training


def groups_of(optimizer: torch.optim.Optimizer) -> list[Group]:
    """A copy of an optimiser's groups, without the parameters, and without the rate, which every step sets."""
    return [
        {key: copy.deepcopy(value) for key, value in group.items() if key not in ("params", "lr")}
        for group in optimizer.param_groups
    ]


def carry_objectives(saved: Mapping[str, Tensor], then: Began | None, now: Began) -> dict[str, Tensor]:
    """The objectives' numbers to go on with.

    Args:
        saved: as the checkpoint has them.
        then: what they began with; None in checkpoints that do not say.
        now: what they would begin with.

    Raises:
        RunError: an option that says where a number begins has changed after that number has moved.
    """
    if then is None:
        return dict(saved)
    return {name: _merged(name, value, then.objectives, now.objectives) for name, value in saved.items()}


def _merged(name: str, saved: Any, then: Mapping[str, Any], now: Mapping[str, Any]) -> Any:
    if name not in then or name not in now or _same(then[name], now[name]):
        return saved
    if _same(saved, then[name]):
        return copy.deepcopy(now[name])
    raise RunError(
        f"an option says that '{name}' begins at {_shown(now[name])}, and it did begin at {_shown(then[name])}: "
        f"the training has moved it to {_shown(saved)} since, so that option cannot change any more"
    )


def carry_optimizers(
    saved: Sequence[Mapping[str, Any]],
    then: Began | None,
    now: Began,
    optimizers: Sequence[torch.optim.Optimizer],
    names: Sequence[Sequence[str]],
) -> list[dict[str, Any]]:
    """The optimisers' states to go on with: each parameter keeps its own, whichever optimiser of its kind it is with.

    Args:
        saved: of each optimiser, its `kind`, `names` and `state`, as the checkpoint has them.
        then: what they began with; None in checkpoints that do not say.
        now: what they begin with, as `optimizers` were built.
        optimizers: fresh ones.
        names: of each, the names of its parameters, in order.

    Raises:
        RunError: a parameter was updated by an optimiser of another kind, or an option has changed that says where a
            number begins which the optimiser has moved.
    """
    known = dict(_states(saved, optimizers, names))
    carried = []
    for index, (optimizer, own) in enumerate(zip(optimizers, names, strict=True)):
        kind, state = type(optimizer).__name__, optimizer.state_dict()
        for place, name in enumerate(own):
            if name in known:
                was, kept = known[name]
                if was != kind:
                    raise RunError(
                        f"the checkpoint's optimisers are {[old['kind'] for old in saved]}, the spec's "
                        f"{[type(o).__name__ for o in optimizers]}: {name} cannot change from {was} to {kind} within a "
                        "stage; begin another stage for it"
                    )
                state["state"][place] = copy.deepcopy(kept)
        if then is not None and index < len(saved) and saved[index]["kind"] == kind:
            _carry_groups(state["param_groups"], saved[index], then.optimizers[index], now.optimizers[index])
        carried.append({"kind": kind, "names": list(own), "state": state})
    return carried


def _states(
    saved: Sequence[Mapping[str, Any]],
    optimizers: Sequence[torch.optim.Optimizer],
    names: Sequence[Sequence[str]],
) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    """What is kept for each parameter that was updated: (name, (kind of optimiser, its state))."""
    for index, old in enumerate(saved):
        kept = old["state"]["state"]
        count = sum(len(group["params"]) for group in old["state"]["param_groups"])
        own = old.get("names", names[index] if index < len(names) else ())
        if len(own) != count:
            raise RunError(f"the checkpoint's optimiser {index} updates {count} parameters, the spec's {len(own)}")
        if not optimizers and kept:
            raise RunError("the checkpoint has the state of an optimiser, and the spec has none")
        for place, name in enumerate(own):
            yield name, (old["kind"], kept.get(place, {}))


def _carry_groups(
    groups: Sequence[Group], saved: Mapping[str, Any], then: Sequence[Group], now: Sequence[Group]
) -> None:
    """Numbers of the group that the optimiser itself moves go on; options are the spec's."""
    old = saved["state"]["param_groups"]
    if not len(groups) == len(old) == len(then) == len(now):
        raise RunError(f"the checkpoint's optimiser has {len(old)} groups of parameters, the spec's {len(groups)}")
    for group, was, begun, begins in zip(groups, old, then, now, strict=True):
        for key in begun:
            if key in was and key in begins and not _same(was[key], begun[key]):
                _require_alike("what the checkpoint's optimiser keeps of all", key, was[key], begins)
                group[key] = _merged(key, was[key], begun, begins)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        both = isinstance(one, Tensor) and isinstance(other, Tensor)
        return both and one.shape == other.shape and torch.equal(one.cpu(), other.cpu())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):  # a file may turn one into the other
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _shown(value: Any) -> str:
    return f"{value.item():g}" if isinstance(value, Tensor) and value.numel() == 1 else str(value)[:60]


# Whether an optimiser can go on from a state


def require_usable(recipe: Optimizer, carried: Mapping[str, Any], parameters: Sequence[nn.Parameter]) -> None:
    """See that an optimiser of these options takes the state that each parameter has, by letting it make a step.

    Every step is made on a copy of one parameter without a gradient to speak of; nothing of the training moves.

    Args:
        recipe: makes such optimisers.
        carried: its `kind`, `names` and `state`.
        parameters: its parameters, in order.

    Raises:
        RunError: it does not; the text names the parameter.
    """
    with borrowed_random_state(*(parameter.device for parameter in parameters)):
        expected: dict[tuple[Any, ...], dict[str, Any]] = {}
        for place, (name, parameter) in enumerate(zip(carried["names"], parameters, strict=True)):
            kept = carried["state"]["state"].get(place)
            if not kept:
                continue
            key = (parameter.shape, parameter.dtype, parameter.device)
            if key not in expected:
                expected[key] = _after_a_step(recipe, parameter, {})
            for what, value in kept.items():
                _require_alike(f"what the checkpoint's {carried['kind']} keeps of {name}", what, value, expected[key])
            if kept.keys() != expected[key].keys():
                try:
                    _after_a_step(recipe, parameter, kept)
                except Exception as error:
                    raise RunError(
                        f"the checkpoint's {carried['kind']} has not kept of {name} what these options need "
                        f"({', '.join(expected[key].keys() - kept.keys())}): {said_by(error)}"
                    ) from error


def _after_a_step(recipe: Optimizer, parameter: nn.Parameter, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What such an optimiser keeps of a parameter after one step from what it has kept."""
    trial = nn.Parameter(parameter.detach().clone())
    optimizer = recipe.build([trial])
    if kept:
        optimizer.state[trial] = copy.deepcopy(dict(kept))
    trial.grad = torch.zeros_like(trial)
    to_training([optimizer])
    optimizer.step()
    return dict(optimizer.state[trial])


def _require_alike(whose: str, what: str, value: Any, expected: Mapping[str, Any]) -> None:
    model = expected.get(what)
    if isinstance(model, Tensor):
        shape = tuple(value.shape) if isinstance(value, Tensor) else None
        if not isinstance(value, Tensor) or value.shape != model.shape or value.dtype != model.dtype:
            found = f"{kind_of(value)} of shape {shape}" if isinstance(value, Tensor) else type(value).__name__
            raise RunError(f"{whose}: '{what}' is {found}, expected {kind_of(model)} of shape {tuple(model.shape)}")
    elif what in expected and not _like(value, model):
        raise RunError(f"{whose}: '{what}' is {short(repr(value))}, expected a value such as {model}")


def _like(value: Any, model: Any) -> bool:
    """Whether a value is of the same kind as another, whatever it is; a file may turn a tuple into a list."""
    if isinstance(value, list | tuple) and isinstance(model, list | tuple):
        return len(value) == len(model) and all(map(_like, value, model))
    return type(value) is type(model)
