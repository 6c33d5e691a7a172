"""The same spec with a shorter training: every number of steps in it times the same share."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeGuard, cast, get_args

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
    return load_spec(cast(dict[str, object], plain(stretched(spec.tree, share))))


def stretched(tree: Checked, share: float) -> Checked:
    """The same part with every number of steps in it, and in the parts in its slots, times `share`."""
    match tree:
        case PartNode():
            return replace(tree, arguments={name: _argument(tree, name, share) for name in tree.arguments})
        case Listing():
            return Listing(tuple(stretched(item, share) for item in tree.items))
        case Named():
            return Named({key: stretched(item, share) for key, item in tree.items.items()})
    return tree


def _argument(part: PartNode, name: str, share: float) -> Checked:
    value = part.arguments[name]
    if not counts_steps(arguments_of(part.cls)[name.removesuffix("_")].annotation) or _idle(part, name):
        return stretched(value, share)
    match value:
        case Leaf(value=int(steps)):
            return Leaf(_times(steps, share))
        case Leaf(value=float(steps)):
            return Leaf(steps * share)
        case Listing():
            found = [item.value for item in value.items if isinstance(item, Leaf) and isinstance(item.value, int)]
            return Listing(tuple(Leaf(step) for step in _ascending([_times(step, share) for step in found])))
    return value


def steps_in(tree: Checked) -> Iterator[float]:
    """Every number of steps in a part and in the parts in its slots."""
    match tree:
        case PartNode():
            arguments = arguments_of(tree.cls)
            for name, value in tree.arguments.items():
                if counts_steps(arguments[name.removesuffix("_")].annotation):
                    leaves = value.items if isinstance(value, Listing) else (value,)
                    yield from (leaf.value for leaf in leaves if isinstance(leaf, Leaf) and _is_number(leaf.value))
                else:
                    yield from steps_in(value)
        case Listing():
            yield from chain.from_iterable(map(steps_in, tree.items))
        case Named():
            yield from chain.from_iterable(map(steps_in, tree.items.values()))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


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


def counts_steps(annotation: Any) -> bool:
    """Whether an option with this annotation counts steps: `InSteps` stands somewhere in it."""
    if any(isinstance(mark, InSteps) for mark in getattr(annotation, "__metadata__", ())):
        return True
    inner = getattr(annotation, "__origin__", None)
    return any(counts_steps(item) for item in (*get_args(annotation), *([inner] if inner is not None else [])))
