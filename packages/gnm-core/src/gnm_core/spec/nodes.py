"""A spec as it stands in the file: plain values, each with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gnm_core.element_names import element_names

MOST_NODES = 20_000
"""Values in one spec, aliases counted each time: what an anchor bomb runs into."""
DEEPEST = 60
"""Levels of nesting."""


@dataclass(frozen=True)
class Place:
    """Where a value stands."""

    source: str | None = None
    """The file, or `--set`; None for a Python mapping."""
    line: int | None = None
    """From 1."""
    column: int | None = None
    """From 1."""
    folder: Path | None = None
    """What relative paths in the value are relative to; None for the working directory."""


@dataclass
class Scalar:
    """One plain value."""

    value: object
    place: Place = Place()
    text: str | None = None
    """As it stands in YAML, without quotes; None where it does not come from there."""


@dataclass
class Items:
    """A list."""

    nodes: list["Node"]
    place: Place = Place()

    def named(self) -> dict[str, int]:
        """Which element is the first with each `name`: `symbols` is 0 in [{name: symbols, ...}, ...]."""
        found: dict[str, int] = {}
        for i, name in enumerate(self._names()):
            if isinstance(name, str):
                found.setdefault(name, i)
        return found

    def keys(self) -> list[str]:
        """What each element goes by in a path, as `element_names` says."""
        return element_names(self._names())

    def _names(self) -> list[object]:
        names = [item.nodes.get("name") if isinstance(item, Table) else None for item in self.nodes]
        return [name.value if isinstance(name, Scalar) else None for name in names]


@dataclass
class Table:
    """A mapping with text keys."""

    nodes: dict[str, "Node"]
    place: Place = Place()
    keys: dict[str, Place] = field(default_factory=dict)
    """Where each key stands."""

    def key_place(self, key: str) -> Place:
        """The key's own place, or else the mapping's."""
        return self.keys.get(key, self.place)


Node = Scalar | Items | Table


def node_of(value: object, place: Place = Place()) -> Node:
    """Plain Python data as nodes that all stand at one place.

    Raises:
        TypeError: a key is not text, or a value is nothing that YAML can hold.
    """
    match value:
        case Mapping():
            for key in value:
                if not isinstance(key, str):
                    raise TypeError(f"the key {key!r} is not text")
            return Table({key: node_of(item, place) for key, item in value.items()}, place)
        case None | bool() | int() | float() | str():
            return Scalar(value, place)
        case Path():
            return Scalar(str(value), place)
        case list() | tuple():
            return Items([node_of(item, place) for item in value], place)
    raise TypeError(f"{value!r} ({type(value).__name__}) is nothing that a spec can hold")


def plain(node: Node) -> object:
    """The values without their places."""
    match node:
        case Table():
            return {key: plain(item) for key, item in node.nodes.items()}
        case Items():
            return [plain(item) for item in node.nodes]
    return node.value


def kind_of(node: Node) -> str:
    """What sort of value this is, in words."""
    if not isinstance(node, Scalar):
        return "a mapping" if isinstance(node, Table) else "a list"
    words = {type(None): "null", bool: "a boolean", int: "an integer", float: "a number"}
    return words.get(type(node.value), "text")


def shown(node: Node, most: int = 60) -> str:
    """The value as an error quotes it."""
    value = plain(node)
    if isinstance(value, bool):
        return str(value).lower()
    text = "null" if value is None else repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def described(node: Node) -> str:
    """The value and its sort: "'four' is text"."""
    return "is null" if isinstance(node, Scalar) and node.value is None else f"{shown(node)} is {kind_of(node)}"
