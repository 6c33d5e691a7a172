"""A checked spec: every value converted, every part's class and provider known, nothing built yet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from gnm_core.registry import Entry
from gnm_core.spec.nodes import Place


@dataclass(frozen=True)
class Broken:
    """Stands for a value that has a problem, already noted."""


@dataclass(frozen=True)
class Leaf:
    """A plain value of the right type and range."""

    value: object


@dataclass(frozen=True)
class Listing:
    """A tuple of values."""

    items: tuple["Checked", ...]


@dataclass(frozen=True)
class Named:
    """A dict of values."""

    items: dict[str, "Checked"]


@dataclass(frozen=True)
class PartNode:
    """A class with its arguments: a registered part, or a record of options (without an entry)."""

    cls: type
    arguments: dict[str, "Checked"]
    """By the names that Python gives them."""
    path: str
    place: Place
    places: dict[str, Place] = field(default_factory=dict)
    """Where each argument that the spec gives has its value."""
    entry: Entry | None = None
    contract: type | None = None
    """The contract of the slot that it fills."""
    dims: str | None = None
    """The argument that takes the spec's sizes."""


Checked = Broken | Leaf | Listing | Named | PartNode


def join(path: str, key: str) -> str:
    """One step down a dotted path."""
    key = key.removesuffix("_")
    return f"{path}.{key}" if path else key


def children(tree: Checked) -> Iterator[tuple[str, Checked]]:
    """The values one level below, by key."""
    match tree:
        case PartNode():
            yield from tree.arguments.items()
        case Named():
            yield from tree.items.items()
        case Listing():
            yield from ((str(i), item) for i, item in enumerate(tree.items))


def parts(tree: Checked) -> Iterator[PartNode]:
    """Every registered part, from the top down."""
    if isinstance(tree, PartNode) and tree.entry is not None:
        yield tree
    for _, child in children(tree):
        yield from parts(child)


def plain(tree: Checked) -> object:
    """As it would stand in a spec, with everything explicit."""
    match tree:
        case Leaf(value=value):
            return str(value) if isinstance(value, Path) else value.value if isinstance(value, Enum) else value
        case Listing():
            return [plain(item) for item in tree.items]
        case Named():
            return {key: plain(item) for key, item in tree.items.items()}
        case PartNode():
            use = {"use": tree.entry.name} if tree.entry else {}
            return use | {name.removesuffix("_"): plain(item) for name, item in tree.arguments.items()}
    raise ValueError("a spec with problems has no plain form")
