"""The same spec with a shorter training: every number of steps in it times the same share."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast, get_args

from gnm_core.contract import InSteps
from gnm_core.schema import Training
from gnm_core.spec.annotations import arguments_of
from gnm_core.spec.checked import CheckedSpec, load_spec
from gnm_core.spec.tree import Checked, Leaf, Listing, Named, PartNode, plain


def shortened(spec: CheckedSpec, share: float) -> CheckedSpec:
    """Stages, schedules and curricula that take `share` of their steps, so that they stay in step with each other.

    Which options count steps, their annotations say (`InSteps`).

    Args:
        spec: the long one.
        share: in (0, 1].

    Raises:
        SpecError: so short a plan is none, as two of its steps become one.
    """
    return load_spec(cast(dict[str, object], plain(_shorter(spec.tree, share))))


def _shorter(tree: Checked, share: float) -> Checked:
    match tree:
        case PartNode():
            return replace(tree, arguments={name: _argument(tree, name, share) for name in tree.arguments})
        case Listing():
            return Listing(tuple(_shorter(item, share) for item in tree.items))
        case Named():
            return Named({key: _shorter(item, share) for key, item in tree.items.items()})
    return tree


def _argument(part: PartNode, name: str, share: float) -> Checked:
    value = part.arguments[name]
    if not _in_steps(arguments_of(part.cls)[name.removesuffix("_")].annotation) or _idle(part, name):
        return _shorter(value, share)
    match value:
        case Leaf(value=int(steps)):
            return Leaf(_times(steps, share))
        case Listing():
            found = [item.value for item in value.items if isinstance(item, Leaf) and isinstance(item.value, int)]
            return Listing(tuple(Leaf(step) for step in _ascending([_times(step, share) for step in found])))
    return value


def _idle(part: PartNode, name: str) -> bool:
    """The steps of stages that all have their own."""
    stages = part.arguments.get("stages")
    return part.cls is Training and name == "steps" and isinstance(stages, Listing) and bool(stages.items)


def _times(steps: int, share: float) -> int:
    return max(1, round(steps * share)) if steps else 0


def _ascending(steps: Sequence[int]) -> list[int]:
    """The same, each at least one more than the one before."""
    found: list[int] = []
    for step in steps:
        found.append(max(step, found[-1] + 1) if found else step)
    return found


def _in_steps(annotation: Any) -> bool:
    """Whether `InSteps` stands anywhere in the annotation."""
    if any(isinstance(mark, InSteps) for mark in getattr(annotation, "__metadata__", ())):
        return True
    inner = getattr(annotation, "__origin__", None)
    return any(_in_steps(item) for item in (*get_args(annotation), *([inner] if inner is not None else [])))
