"""One spec on top of another: mappings merge, elements of a list go by their names, everything else replaces."""

from typing import Any

from gnm_core.contracts import Contract, Default
from gnm_core.errors import PluginError, Problem, SpecError
from gnm_core.registry import Registry
from gnm_core.spec.annotations import (
    arguments_of,
    is_contract,
    is_named,
    is_record,
    item_of,
    members_of,
    strip,
    values_of,
)
from gnm_core.spec.checker import default_node, is_line
from gnm_core.spec.nodes import Items, Node, Place, Scalar, Table, described
from gnm_core.suggestions import did_you_mean


class Merging:
    """Puts one spec on top of another.

    Args:
        registry: knows which class a part's name stands for.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def merge(self, base: Node, child: Node, annotation: Any, path: str = "") -> Node:
        """The base with what the child says; a part merges with a part of the same name.

        Null in the place of what cannot be null takes back what the base says.

        Args:
            base: what the base says.
            child: what the child says.
            annotation: what may stand here; None where nobody knows.
            path: where that is, in the spec.

        Raises:
            SpecError: the child changes an element of a list by a name that none has.
        """
        record = item_of(_single(annotation)[0])
        if isinstance(base, Items) and isinstance(child, Table) and _changes_by_name(base, child, record):
            return self._merge_elements(base, child, record, path)
        contract, default = _slot(annotation)
        if contract is not None or _names_part(base) or _names_part(child):
            base, child = _named(base), _named(child)
        if not (isinstance(base, Table) and isinstance(child, Table)):
            return child
        understood = _understood(base, contract, default)
        name = _value(understood.nodes.get("use"))
        if "use" in child.nodes:
            if _value(child.nodes["use"]) != name:
                return child
            base = understood
        known = self._options(contract, name) if contract is not None else _keys(annotation)
        nodes = dict(base.nodes)
        for key, node in child.nodes.items():
            below = known(key)
            if key in nodes and _is_null(node) and below is not None and not _may_be_null(below):
                del nodes[key]
                continue
            nodes[key] = self.merge(nodes[key], node, below, _below(path, key)) if key in nodes else node
        return Table(nodes, child.place, {**base.keys, **child.keys})

    def _merge_elements(self, base: Items, child: Table, record: Any, path: str) -> Items:
        """`stages: {prior: {steps: 500}}`: the base's list with these elements changed, or gone by null."""
        names, nodes = base.named(), list[Node | None](base.nodes)
        for name, node in child.nodes.items():
            where = child.key_place(name)
            if name not in names:
                near = did_you_mean(name, names) or f"names: {', '.join(names) or 'none'}"
                message = f"the list of the base has no '{name}' to change"
                raise _problem(message, where, path, f"{near}; a list in this place replaces all of it")
            below = _below(path, name)
            if _is_null(node):
                nodes[names[name]] = None
            elif isinstance(node, Table):
                nodes[names[name]] = self.merge(base.nodes[names[name]], node, record, below)
            else:
                hint = f"such as {name}: {{steps: 1000}}; null takes it out of the list"
                raise _problem(f"{described(node)}; expected what changes", where, below, hint)
        return Items([node for node in nodes if node is not None], base.place)

    def _options(self, contract: type[Contract] | None, name: object) -> Any:
        entry = self.registry.find(contract.kind, name) if contract and isinstance(name, str) else None
        try:
            return _keys(entry.load() if entry else None)
        except PluginError:  # the checker says so, with the place
            return _keys(None)


def _problem(message: str, place: Place, path: str, hint: str) -> SpecError:
    return SpecError([Problem(message, path, place.line, place.column, place.source, hint)])


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


# What may stand somewhere


def _slot(annotation: Any) -> tuple[type[Contract] | None, Default | None]:
    """The contract of a slot, or of a list of slots, and its default part."""
    inner, metadata = _single(annotation)
    if (item := item_of(inner)) is not None:
        inner, _ = _single(item)
    default = next((item for item in metadata if isinstance(item, Default)), None)
    return (inner, default) if is_contract(inner) else (None, None)


def _single(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """`Annotated[X | None, a]` to (X, (a,)); an annotation of several types to (None, ())."""
    inner, metadata = strip(annotation)
    members = [member for member in members_of(inner) if member is not type(None)]
    if len(members) != 1:
        return None, ()
    inner, more = strip(members[0])
    return inner, (*more, *metadata)


def _keys(annotation: Any) -> Any:
    """What may stand below each key of a mapping."""
    inner, _ = _single(annotation)
    if (values := values_of(inner)) is not None:
        return lambda key: values
    if is_record(inner) or is_contract(inner):
        try:
            known = arguments_of(inner)
        except PluginError:  # the checker says so, with the place
            return lambda key: None
        return lambda key: known[key].annotation if key in known else None
    return lambda key: None


def _changes_by_name(base: Items, child: Table, record: Any) -> bool:
    """Whether the child says what changes in elements of the base, by their names, and is no element itself."""
    if not (is_named(record) and base.named() and child.nodes):
        return False
    return not any(key in arguments_of(record) for key in child.nodes)


def _may_be_null(annotation: Any) -> bool:
    inner, _ = strip(annotation)
    return inner is Any or type(None) in members_of(inner)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


# Parts


def _names_part(node: Node) -> bool:
    return isinstance(node, Table) and "use" in node.nodes


def _named(node: Node) -> Node:
    """A name as {use: name}; anything else as it is."""
    return Table({"use": node}, node.place, {"use": node.place}) if isinstance(_value(node), str) else node


def _understood(node: Table, contract: type[Contract] | None, default: Default | None) -> Table:
    """A slot's options with the `use` that goes without saying."""
    if "use" not in node.nodes and contract is not None:
        if is_line(contract, node):
            return Table({"use": Scalar("linear", node.place), **node.nodes}, node.place, node.keys)
        if default is not None:
            return Table({**default_node(default, node.place).nodes, **node.nodes}, node.place, node.keys)
    return node


def _value(node: Node | None) -> object:
    return node.value if isinstance(node, Scalar) else None
