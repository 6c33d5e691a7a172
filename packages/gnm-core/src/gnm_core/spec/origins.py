"""Where every value of a spec came from: a line of a file, the command line, or a default."""

from collections.abc import Iterator
from dataclasses import dataclass

from gnm_core.spec.checker import is_line
from gnm_core.spec.nodes import Items, Node, Place, Scalar, Table
from gnm_core.spec.tree import Checked, Listing, Named, PartNode, join, plain


@dataclass(frozen=True)
class Origin:
    """One value, and where it came from."""

    path: str
    """Dotted place in the spec."""
    value: object
    """As the resolved spec has it."""
    place: Place | None
    """Where it is given; None for a default."""


def origins(tree: Checked, given: Node | None, path: str = "") -> Iterator[Origin]:
    """Every plain value of a checked spec, from the top down.

    Args:
        tree: the checked spec.
        given: what the spec says there; None where it says nothing.
        path: dotted place of both.
    """
    match tree:
        case PartNode():
            if tree.entry is not None:
                yield Origin(join(path, "use"), tree.entry.name, _place_of_use(tree, given))
            for name, item in tree.arguments.items():
                key = name.removesuffix("_")
                yield from origins(item, _at(given, key), join(path, key))
        case Named() if tree.items:
            for key, item in tree.items.items():
                yield from origins(item, _at(given, key), join(path, key))
        case Listing() if any(isinstance(item, PartNode) for item in tree.items):
            keys = given.keys() if isinstance(given, Items) else map(str, range(len(tree.items)))
            for i, (key, item) in enumerate(zip(keys, tree.items, strict=True)):
                one = given.nodes[i] if isinstance(given, Items) else given  # a single value is a list of one
                yield from origins(item, one, join(path, key))
        case _:
            yield Origin(path, plain(tree), _place(given))


def _at(node: Node | None, key: str) -> Node | None:
    """What a mapping says under a key; a plain number is a schedule's value, and nothing else has keys."""
    if isinstance(node, Table):
        return node.nodes.get(key)
    number = isinstance(node, Scalar) and isinstance(node.value, int | float)
    return node if number and key == "value" else None


def _place_of_use(part: PartNode, given: Node | None) -> Place | None:
    """A short form says which part it is without `use`; options alone leave the default part."""
    if isinstance(given, Table) and "use" not in given.nodes:
        return given.place if part.contract and is_line(part.contract, given) else None
    return _place(given.nodes["use"] if isinstance(given, Table) else given)


def _place(node: Node | None) -> Place | None:
    return node.place if node is not None else None
