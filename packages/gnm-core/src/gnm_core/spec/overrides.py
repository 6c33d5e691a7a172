"""`--set model.core.steps=8`: change a spec from the command line."""

from collections.abc import Iterable
from typing import NoReturn

from gnm_core.errors import Problem, SpecError
from gnm_core.printable import quoted
from gnm_core.spec.nodes import Items, Node, Place, Scalar, Table, plain, shown
from gnm_core.spec.yaml import parse

SOURCE = "--set"


def override(root: Table, overrides: Iterable[str]) -> None:
    """Apply `path=value` texts to a spec, in order. Values are YAML; missing mappings are made.

    A key below a part that is given by name alone turns `core: structdraw` into `core: {use: structdraw}` first.

    Raises:
        SpecError: an override cannot be read, or its path leads through a value that has no keys.
    """
    problems: list[Problem] = []
    for text in overrides:
        try:
            _apply(root, text)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)


def _apply(root: Table, text: str) -> None:
    path, equals, value = text.partition("=")
    path = path.strip()
    keys = path.split(".")
    if not equals or not all(keys):
        raise SpecError([Problem(f"{text!r} is not of the form path=value, such as model.core.steps=8", source=SOURCE)])
    place = Place(SOURCE)
    try:
        node = parse(value, SOURCE) or Scalar(None, text="")
        _refuse_comment(value, node)
    except SpecError as error:
        raise SpecError([Problem(p.message, path, source=SOURCE, hint=p.hint) for p in error.problems]) from None
    _put(root, keys, _at(node, place), place, path)


def _refuse_comment(value: str, node: Node) -> None:
    """See that YAML does not take the end of a value for a comment, which nobody writes on a command line.

    Raises:
        SpecError: it does.
    """
    hint = "put the whole value in quotes, inside those of the shell: --set 'data.dir=\"h #1\"'"
    for mark in _marks(value):
        try:
            rest = parse(value[:mark], SOURCE) or Scalar(None)
        except SpecError:
            continue  # the mark stands in quotes or brackets
        if plain(rest) == plain(node):
            raise SpecError([Problem(f"{quoted(value[mark:])} would be a comment in YAML", hint=hint)])


def _marks(value: str) -> list[int]:
    """Where a comment may begin."""
    return [i for i in range(len(value)) if value[i] == "#" and (i == 0 or value[i - 1].isspace())][:20]


def _put(root: Table, keys: list[str], value: Node, place: Place, path: str) -> None:
    here: Table | Items = root
    for i, key in enumerate(keys[:-1]):
        below = _opened(_get(here, key, keys[:i], path), keys[i + 1], place, keys[: i + 1], path)
        _set(here, key, below, place)
        here = _only(below, keys[i + 1])
    _get(here, keys[-1], keys[:-1], path)
    _set(here, keys[-1], value, place)


def _get(here: Table | Items, key: str, keys: list[str], path: str) -> Node | None:
    if isinstance(here, Table):
        return here.nodes.get(key)
    # The place just behind the last element is free for a new one.
    index = _index(here, key)
    if index is None or index > len(here.nodes):
        names = ", ".join(f"'{name}'" for name in here.named())
        there = f" (it has {names})" if names else ""
        _refuse(f"a list of {len(here.nodes)} has no element '{key}'{there}", keys, path)
    return here.nodes[index] if index < len(here.nodes) else None


def _index(items: Items, key: str) -> int | None:
    """`0` or the name of an element, `symbols`; None for what names none."""
    return int(key) if key.isascii() and key.isdigit() else items.named().get(key)


def _set(here: Table | Items, key: str, value: Node, place: Place) -> None:
    if isinstance(here, Items):
        index = _index(here, key)
        assert index is not None, "asked for before"
        here.nodes[index : index + 1] = [value]
    else:
        here.nodes[key] = value
        here.keys.setdefault(key, place)


def _only(node: Table | Items, key: str) -> Table | Items:
    """A list of one is as good as its element: `train.optimizer.lr` reaches into it."""
    if isinstance(node, Items) and len(node.nodes) == 1 and _index(node, key) is None:
        (only,) = node.nodes
        match only:
            case Scalar(value=str()):
                node.nodes[0] = Table({"use": only}, only.place, {"use": only.place})
        if not isinstance(node.nodes[0], Scalar):
            return node.nodes[0]
    return node


def _opened(node: Node | None, key: str, place: Place, keys: list[str], path: str) -> Table | Items:
    """The node as something that has `key`: nothing becomes a mapping or a list, a name becomes {use: name}."""
    match node:
        case None | Scalar(value=None):
            return Items([], place) if key == "0" else Table({}, place)
        case Scalar(value=str()) | Table() if key.isdigit():
            return Items([node], node.place)  # an element is as good as a list of one: `train.optimizer.0.lr`
        case Scalar(value=str()):
            return Table({"use": node}, node.place, {"use": node.place})
        case Items(nodes=[]) if not key.isdigit():
            return Table({}, place)
        case Scalar():
            _refuse(f"is {shown(node)}, which has no keys", keys, path)
    return node


def _refuse(message: str, keys: list[str], path: str) -> NoReturn:
    raise SpecError([Problem(message, ".".join(keys), source=f"{SOURCE} {path}")])


def _at(node: Node, place: Place) -> Node:
    """The same node, standing on the command line."""
    match node:
        case Table():
            return Table({key: _at(item, place) for key, item in node.nodes.items()}, place)
        case Items():
            return Items([_at(item, place) for item in node.nodes], place)
    return Scalar(node.value, place, node.text)
