"""`--set model.core.steps=8`: change a spec from the command line."""

from collections.abc import Iterable

from gnm_core.errors import Problem, SpecError
from gnm_core.spec.nodes import Items, Node, Place, Scalar, Table, shown
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
        node = parse(value, SOURCE) or Scalar(None)
    except SpecError as error:
        raise SpecError([Problem(p.message, path, source=SOURCE, hint=p.hint) for p in error.problems]) from None
    _put(root, keys, _at(node, place), place, path)


def _put(root: Table, keys: list[str], value: Node, place: Place, path: str) -> None:
    here: Node = root
    for i, key in enumerate(keys):
        last = i == len(keys) - 1
        if isinstance(here, Items):
            index = int(key) if key.isascii() and key.isdigit() else len(here.nodes)
            if index >= len(here.nodes):
                _refuse(f"a list of {len(here.nodes)} has no element '{key}'", keys[:i], path)
            if last:
                here.nodes[index] = value
            else:
                here.nodes[index] = here = _opened(here.nodes[index], place, keys[: i + 1], path)
            continue
        assert isinstance(here, Table)
        if last:
            here.nodes[key], here.keys[key] = value, place
        else:
            here.keys.setdefault(key, place)
            here.nodes[key] = here = _opened(here.nodes.get(key, Scalar(None, place)), place, keys[: i + 1], path)


def _opened(node: Node, place: Place, keys: list[str], path: str) -> Table | Items:
    """The node as something that has keys: nothing becomes an empty mapping, a name becomes {use: name}."""
    match node:
        case Scalar(value=None):
            return Table({}, place)
        case Scalar(value=str()):
            return Table({"use": node}, node.place, {"use": node.place})
        case Scalar():
            _refuse(f"is {shown(node)}, which has no keys", keys, path)
    assert not isinstance(node, Scalar)
    return node


def _refuse(message: str, keys: list[str], path: str) -> None:
    raise SpecError([Problem(message, ".".join(keys), source=f"{SOURCE} {path}")])


def _at(node: Node, place: Place) -> Node:
    """The same node, standing on the command line."""
    match node:
        case Table():
            return Table({key: _at(item, place) for key, item in node.nodes.items()}, place)
        case Items():
            return Items([_at(item, place) for item in node.nodes], place)
    return Scalar(node.value, place)
