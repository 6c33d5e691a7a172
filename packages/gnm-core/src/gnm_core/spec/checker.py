"""Nodes against annotations: every problem is noted with its place, and whatever is right becomes a checked tree."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from gnm_core.contracts import Contract, Default, Recorded, Schedule
from gnm_core.dims import Dims
from gnm_core.errors import PluginError, Problem
from gnm_core.offers import packages_with
from gnm_core.registry import Entry, Registry
from gnm_core.spec.annotations import (
    MISSING,
    Argument,
    arguments_of,
    describe,
    fixed_of,
    is_contract,
    is_leaf,
    is_record,
    item_of,
    members_of,
    strip,
    values_of,
    with_article,
)
from gnm_core.spec.nodes import Items, Node, Place, Scalar, Table, described, node_of, shown
from gnm_core.spec.paths import NoPath, how_to_quote, path_of
from gnm_core.spec.tree import Broken, Checked, Leaf, Listing, Named, PartNode, join
from gnm_core.suggestions import did_you_mean

LINE = {"from", "to", "until", "since"}
"""Keys of the short form of a linear schedule."""


class Checker:
    """Checks nodes against annotations.

    Args:
        registry: where names are looked up.
        recorded: the spec is that of a run or a stored set, which named every option that there was.
    """

    def __init__(self, registry: Registry, *, recorded: bool = False) -> None:
        self.registry, self.recorded = registry, recorded
        self.problems: list[Problem] = []

    def check(self, annotation: Any, node: Node, path: str) -> Checked:  # noqa: PLR0911 (one form a return)
        """The node as a value of the annotated type; `Broken` where it has a problem, which is noted."""
        inner, metadata = strip(annotation)
        members = members_of(inner)
        if type(None) in members and isinstance(node, Scalar) and node.value is None:
            return Leaf(None)
        if is_leaf(annotation):
            return self._leaf(annotation, node, path)
        members = tuple(member for member in members if member is not type(None))
        if len(members) > 1:
            return self._union(annotation, members, node, path)
        inner, more = strip(members[0])
        metadata = (*more, *metadata)
        if is_contract(inner):
            default = next((item for item in metadata if isinstance(item, Default)), None)
            return self._slot(inner, default, node, path)
        if is_record(inner):
            return self._record(inner, node, path)
        if inner is Path:
            return self._path(node, path)
        if (values := values_of(inner)) is not None:
            return self._mapping(values, annotation, node, path)
        return self._items(inner, metadata, node, path)

    # Plain values

    def _leaf(self, annotation: Any, node: Node, path: str) -> Checked:
        choices = [c for m in members_of(strip(annotation)[0]) if get_origin(m) is Literal for c in get_args(m)]
        if isinstance(node, Scalar):
            try:
                if isinstance(node.value, bool) and choices and not any(node.value is choice for choice in choices):
                    raise ValueError  # to pydantic, true is 1
                return Leaf(_adapter(annotation).validate_python(node.value))
            except ValidationError as error:
                wrong_type = all("type" in e["type"] or "instance" in e["type"] for e in error.errors())
            except (ValueError, OverflowError):
                wrong_type = False
        else:
            wrong_type = True
        value = node.value if isinstance(node, Scalar) else None
        hint = None
        if wrong_type:
            message = described(node)
            if str in members_of(strip(annotation)[0]):
                hint = how_to_quote(node, path)
            elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
                hint = f"write {int(value)}"
        elif isinstance(value, float) and not math.isfinite(value):
            message = f"{shown(node)} is not finite"
        else:
            message = f"{shown(node)} is out of range"
        if choices:
            message = f"{shown(node)} is no choice"
            hint = did_you_mean(str(value), [str(choice) for choice in choices])
        return self._wrong(message, annotation, node, path, hint)

    def _path(self, node: Node, path: str) -> Checked:
        if not (isinstance(node, Scalar) and isinstance(node.value, str)):
            return self._wrong(described(node), Path, node, path, how_to_quote(node, path))
        try:
            return Leaf(path_of(node))
        except NoPath as error:
            return self._wrong(str(error), Path, node, path)

    def _union(self, annotation: Any, members: tuple[Any, ...], node: Node, path: str) -> Checked:
        noted = self.problems
        attempts = []
        for member in members:
            self.problems = []
            tree = self.check(member, node, path)
            if not self.problems:
                self.problems = noted
                return tree
            attempts.append(self.problems)
        self.problems = noted
        # Problems further down say more than "none of these": the member got that far.
        deep = [found for found in attempts if any(problem.path != path for problem in found)]
        if len(deep) == 1:
            self.problems += deep[0]
            return Broken()
        return self._wrong(described(node), annotation, node, path)

    # Structures

    def _items(self, annotation: Any, metadata: tuple[Any, ...], node: Node, path: str) -> Checked:
        nodes = node.nodes if isinstance(node, Items) else [node]  # a single value is a list of one
        fixed = fixed_of(annotation)
        if fixed is not None and len(nodes) != len(fixed):
            return self._wrong(f"has {len(nodes)} elements", annotation, node, path)
        types = fixed if fixed is not None else (item_of(annotation),) * len(nodes)
        if not isinstance(node, Items):
            items: tuple[Checked, ...] = (self.check(types[0], node, path),)
        else:
            elements = zip(types, nodes, node.keys(), strict=True)
            items = tuple(self.check(kind, item, join(path, key)) for kind, item, key in elements)
        limits = [item for item in metadata if not isinstance(item, Default)]
        if limits and not _within(limits, items):
            described = describe(_annotated(annotation, limits))
            return self._wrong(f"has {len(items)} element{'s' if len(items) != 1 else ''}", described, node, path)
        return Listing(items)

    def _mapping(self, values: Any, annotation: Any, node: Node, path: str) -> Checked:
        if not isinstance(node, Table):
            return self._wrong(described(node), annotation, node, path)
        return Named({key: self.check(values, item, join(path, key)) for key, item in node.nodes.items()})

    def _record(self, cls: type, node: Node, path: str) -> Checked:
        if not isinstance(node, Table):
            keys = ", ".join(arguments_of(cls))
            return self._wrong(described(node), f"a mapping with keys out of {keys}", node, path)
        return self._arguments(cls, node, path, f"in {path}" if path else "at the top of a spec")

    def _arguments(self, cls: type, node: Table, path: str, where: str, entry: Entry | None = None) -> PartNode:
        try:
            known = arguments_of(cls)
        except PluginError as error:
            self._note(f"{entry}: {error}" if entry else str(error), path, node.place)
            return PartNode(cls, {"": Broken()}, path, node.place, entry=entry)
        sizes = next((a for a in known.values() if entry and strip(a.annotation)[0] is Dims), None)
        known = {key: argument for key, argument in known.items() if argument is not sizes}
        for key in node.nodes:
            if key not in known and not (entry and key == "use"):
                self._unknown_key(key, known, node, path, where=where, part=bool(entry))
        checked = {a.name: self._argument(a, node, path) for a in known.values()}
        places = {a.name: node.nodes[a.key].place for a in known.values() if a.key in node.nodes}
        return PartNode(cls, checked, path, node.place, places, entry, dims=sizes.name if sizes else None)

    def _argument(self, argument: Argument, node: Table, path: str) -> Checked:  # noqa: PLR0911 (one source a return)
        annotation, below = argument.annotation, join(path, argument.key)
        if argument.key in node.nodes:
            return self.check(annotation, node.nodes[argument.key], below)
        inner, metadata = strip(annotation)
        before = next((item for item in metadata if isinstance(item, Recorded)), None)
        default = next((item for item in metadata if isinstance(item, Default)), None)
        if before is not None and self.recorded:
            return self.check(annotation, node_of(before.value, node.place), below)
        if default is not None:
            return self.check(annotation, default_node(default, node.place), below)
        if argument.default is not MISSING:
            try:
                given = node_of(_plain_default(argument.default), node.place)
            except TypeError as error:
                self._note(f"the default cannot stand in a spec: {error}", below, node.place)
                return Broken()
            return self.check(annotation, given, below)
        if is_record(inner):
            return self.check(annotation, Table({}, node.place), below)
        hint = None
        if is_contract(inner):
            hint = self._fitting_hint(inner)
        self._note(f"is missing; expected {describe(annotation)}", below, node.place, hint)
        return Broken()

    def _unknown_key(
        self, key: str, known: Mapping[str, object], node: Table, path: str, *, where: str, part: bool
    ) -> None:
        options = ", ".join(sorted(known)) or "none"
        hint = f"{'options' if part else 'keys'}: {options}"
        if near := did_you_mean(key, known):
            hint = f"{near} {hint}"
        elif part and key in ("dims", *Dims.__dataclass_fields__):
            hint = f"sizes are given once, in `dims` at the top of the spec; {hint}"
        place = node.key_place(key)
        self._note(f"unknown {'option' if part else 'key'} '{key}' {where}", join(path, key), place, hint)

    # Slots

    def _slot(self, contract: type[Contract], default: Default | None, node: Node, path: str) -> Checked:
        table = self._part_table(contract, default, node, path)
        if table is None:
            return Broken()
        use = table.nodes["use"]
        if not (isinstance(use, Scalar) and isinstance(use.value, str)):
            return self._wrong(described(use), f"the name of {with_article(contract.kind)}", use, join(path, "use"))
        cls, entry = self._find(contract, use.value, use.place, path)
        if cls is None:
            return Broken()
        part = self._arguments(cls, table, path, f"of {contract.kind} '{use.value}'", entry)
        return PartNode(cls, part.arguments, path, table.place, part.places, entry, contract, part.dims)

    def _part_table(  # noqa: PLR0911 (one form a return)
        self, contract: type[Contract], default: Default | None, node: Node, path: str
    ) -> Table | None:
        """The slot's value as {use: name, option: ...}."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Table({"use": node}, node.place)
        number = isinstance(node, Scalar) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
        if issubclass(contract, Schedule) and number:
            return Table({"use": Scalar("constant", node.place), "value": node}, node.place)
        if not isinstance(node, Table):
            expected = f"{with_article(contract.kind)}: a name, or a mapping with 'use'"
            self._wrong(described(node), expected, node, path, self._fitting_hint(contract))
            return None
        if "use" in node.nodes:
            return node
        if is_line(contract, node):
            return Table({"use": Scalar("linear", node.place), **node.nodes}, node.place, node.keys)
        if default is not None:  # options alone change the default part
            base = default_node(default, node.place)
            return Table({**base.nodes, **node.nodes}, node.place, node.keys)
        self._note(
            f"has no 'use'; expected the name of {with_article(contract.kind)}",
            path,
            node.place,
            self._fitting_hint(contract),
        )
        return None

    def _find(
        self, contract: type[Contract], name: str, place: Place, path: str
    ) -> tuple[type[Contract] | None, Entry | None]:
        entry = self.registry.find(contract.kind, name)
        if entry is None:
            self._unknown_part(contract, name, place, path)
            return None, None
        try:
            cls = entry.load()
        except PluginError as error:
            self._note(str(error), path, place)
            return None, None
        if not issubclass(cls, contract):
            self._note(
                f"'{name}' ({entry.provider}) is {_contract_words(cls)}; expected {_contract_words(contract)}",
                path,
                place,
                self._fitting_hint(contract),
            )
            return None, None
        return cls, entry

    def _unknown_part(self, contract: type[Contract], name: str, place: Place, path: str) -> None:
        kind = contract.kind
        elsewhere = [entry for entry in self.registry.named(name) if entry.kind != kind]
        hints = []
        if elsewhere:
            others = " and ".join(with_article(entry.kind) for entry in elsewhere)
            message = f"'{name}' is {others} ({elsewhere[0].provider}); expected {_contract_words(contract)}"
        else:
            message = f"no {kind} named '{name}' is installed"
            if near := did_you_mean(name, [entry.name for entry in self.registry.of_kind(kind)]):
                hints.append(near)
        present = {plugin.provider.distribution for plugin in self.registry.plugins}
        absent = [package for package in packages_with(kind, name) if package not in present]
        hints += [f"it comes with {package}: pip install {package}" for package in absent]
        off = [str(plugin.provider) for plugin in self.registry.plugins if plugin.off]
        if off:
            hints.append(f"turned off, and might have had it: {', '.join(off)}")
        if self.registry.failed:
            causes = "; ".join(f"{plugin.provider} ({plugin.failure})" for plugin in self.registry.failed)
            hints.append(f"disabled, and might have had it: {causes}")
        hints.append(self._fitting_hint(contract))
        self._note(message, path, place, "\n    ".join(hints))

    def _fitting_hint(self, contract: type[Contract]) -> str:
        names = self.fitting(contract)
        return (
            f"fits here: {', '.join(names)}"
            if names
            else f"no installed package provides {with_article(contract.kind)}"
        )

    def fitting(self, contract: type[Contract]) -> list[str]:
        """Names of the parts that satisfy a contract; parts that cannot be loaded are left out."""
        names = []
        for entry in self.registry.of_kind(contract.kind):
            try:
                if issubclass(entry.load(), contract):
                    names.append(entry.name)
            except PluginError:
                continue
        return names

    # Problems

    def _note(self, message: str, path: str, place: Place, hint: str | None = None) -> None:
        self.problems.append(Problem(message, path, place.line, place.column, place.source, hint))

    def _wrong(self, message: str, expected: Any, node: Node, path: str, hint: str | None = None) -> Broken:
        words = expected if isinstance(expected, str) else describe(expected)
        self._note(f"{message}; expected {words}", path, node.place, hint)
        return Broken()


def _contract_words(cls: type[Contract]) -> str:
    """What contract a class stands under, in words: "a PresencePrior (reference distribution of z^pres)"."""
    contracts = [c for c in cls.__mro__ if c is not Contract and issubclass(c, Contract) and "describes" in vars(c)]
    names = " and ".join(f"{with_article(c.__name__)} ({c.describes})" for c in contracts[:2])
    return names or with_article(cls.__name__)


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))


def _annotated(annotation: Any, metadata: list[Any]) -> Any:
    return Annotated[(annotation, *metadata)]


def _within(limits: list[Any], items: tuple[Checked, ...]) -> bool:
    try:
        TypeAdapter(_annotated(tuple[Any, ...], limits)).validate_python(items)
    except ValidationError:
        return False
    return True


def is_line(contract: type[Contract], node: Table) -> bool:
    """Whether this is the short form of a linear schedule."""
    return issubclass(contract, Schedule) and {"from", "to"} <= node.nodes.keys() <= LINE


def default_node(default: Default, place: Place) -> Table:
    """The part that stands where a spec says nothing."""
    options = {name.removesuffix("_"): value for name, value in default.options}
    node = node_of({"use": default.name, **options}, place)
    assert isinstance(node, Table)
    return node


def _plain_default(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
