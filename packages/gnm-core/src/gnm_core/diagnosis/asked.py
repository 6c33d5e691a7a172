"""What a training asks of its model on purpose, so that nobody takes it for a fault."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gnm_core.contracts import Curriculum, Model, PresencePrior

OFTEN = 0.05
"""A rate of presence above this asks for many objects."""
FALLING = 1.5
"""Where all objects are there at first, a rate above so many times its last one is still on its way down."""
END = 10**9
"""A step by which every schedule has ended."""
HELD = 10.0
"""A weight of the boxes' divergence above this holds them at their prior."""


@runtime_checkable
class Guided(Protocol):
    """A model whose objects are asked to be there, or not, in the course of its training."""

    curriculum: Curriculum | None
    presence_prior: PresencePrior


@dataclass(frozen=True)
class Asked:
    """What holds at one training step."""

    present: bool = False
    """Every object is to be there, whatever the picture."""
    many: bool = False
    """Objects are to be many."""
    opaque: bool = False
    """Their masks are filled from outside."""
    boxes_held: bool = False
    """Boxes are held at their prior."""


def asked_of(model: Model, step: int, weights: Mapping[str, float] | None = None) -> Asked:
    """What is asked of `model` at `step`.

    Args:
        model: any model; one that is not `Guided` is asked nothing.
        step: steps made so far.
        weights: of the objective's terms, by `kl.<name>` and `auxiliary.<name>`.
    """
    held = (weights or {}).get("auxiliary.where", 1.0) > HELD
    if not isinstance(model, Guided):
        return Asked(boxes_held=held)
    state = model.curriculum.at(step) if model.curriculum is not None else None
    rate, last = (float(model.presence_prior.reference(at).mean.mean()) for at in (step, END))
    in_turn = model.curriculum is not None and model.curriculum.at(0).present
    often = rate > OFTEN or (in_turn and rate > FALLING * last)
    return Asked(
        present=state is not None and state.present,
        many=often or (state is not None and state.present),
        opaque=state is not None and (state.box_mask is not None or state.alpha is not None),
        boxes_held=held,
    )
