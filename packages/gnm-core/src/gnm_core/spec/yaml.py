"""YAML 1.2 text to nodes, and plain data to YAML. Whatever the file holds, the answer is nodes or a `SpecError`."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter

from gnm_core.errors import Problem, SpecError
from gnm_core.regular_files import open_file
from gnm_core.spec.nodes import DEEPEST, MOST_NODES, Items, Node, Place, Scalar, Table

LARGEST = 256 * 1024
"""Bytes in a spec file."""

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {_TAG + "str", _TAG + "timestamp", _TAG + "value"}
"""YAML 1.2 knows no timestamps and no `=`: they are text."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
"""Text that needs no quotes, unless it reads as another type."""


def read_file(path: str | Path) -> Table:
    """The mapping in a spec file.

    Raises:
        SpecError: the file cannot be read, is not UTF-8, not YAML, or not a mapping; all problems at once.
    """
    source = str(path)
    try:
        if Path(path).is_dir():
            raise SpecError([Problem("is a directory; expected a spec file", source=source)])
        # A pipe blocks, unless a shell hands it over: `--spec <(...)`.
        with open(path, "rb") if source.startswith("/dev/") else open_file(Path(path)) as file:
            data = file.read(LARGEST + 1)  # never more, whatever the size
    except FileNotFoundError:
        raise SpecError([Problem("no such file", source=source)]) from None
    except (OSError, ValueError) as error:
        raise SpecError(
            [Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", source=source)]
        ) from None
    if len(data) > LARGEST:
        raise SpecError([Problem(f"is larger than {LARGEST // 1024} KiB; a spec is a page or two", source=source)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise SpecError([Problem(message, source=source, line=line)]) from None
    return read_text(text, source, Path(path).resolve().parent)


def read_text(text: str, source: str, folder: Path | None = None) -> Table:
    """The mapping that YAML text holds.

    Args:
        text: YAML.
        source: what errors call it.
        folder: what relative paths are relative to.

    Raises:
        SpecError: it is not YAML, empty, or not a mapping.
    """
    node = parse(text, source, folder)
    if node is None:
        raise SpecError([Problem("is empty; expected at least `model:`", source=source)])
    if not isinstance(node, Table):
        place = node.place
        message = "holds no mapping; expected keys such as `dims:`, `model:` and `train:`"
        raise SpecError([Problem(message, source=source, line=place.line, column=place.column)])
    return node


def parse(text: str, source: str, folder: Path | None = None) -> Node | None:
    """YAML text to nodes; None where there is nothing but comments.

    Raises:
        SpecError: it is not YAML, or it holds something that no spec needs (tags, merge keys, endless aliases).
    """
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"is not YAML: {_one_line(error.problem or error.context or 'syntax error')}"
        hint = f"{_one_line(error.context)}" if error.context and error.problem else None
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise SpecError([Problem(message, source=source, line=line, column=column, hint=hint)]) from None
    except YAMLError as error:
        raise SpecError([Problem(f"is not YAML: {_one_line(str(error))}", source=source)]) from None
    except RecursionError:
        raise SpecError([Problem(f"is nested deeper than {DEEPEST} levels", source=source)]) from None
    if root is None:
        return None
    reader = _Reader(yaml.constructor, source, folder)
    node = reader.read(root, "", 0)
    if reader.problems:
        raise SpecError(reader.problems)
    return node


class _TooMuch(Exception):
    """The spec unfolds without bound."""


class _Reader:
    """Turns ruamel's nodes into ours and collects what is wrong with them."""

    def __init__(self, constructor: Any, source: str, folder: Path | None) -> None:
        self.constructor, self.source, self.folder = constructor, source, folder
        self.problems: list[Problem] = []
        self.count = 0

    def read(self, node: Any, path: str, depth: int) -> Node:
        try:
            return self._read(node, path, depth)
        except _TooMuch as error:
            self.problems = [Problem(str(error), source=self.source)]
            return Scalar(None)

    def _read(self, node: Any, path: str, depth: int) -> Node:
        self.count += 1
        if self.count > MOST_NODES:
            raise _TooMuch(f"unfolds to more than {MOST_NODES} values (aliases included)")
        if depth > DEEPEST:
            raise _TooMuch(f"is nested deeper than {DEEPEST} levels (aliases included)")
        place = self._place(node)
        match node:
            case MappingNode() if node.tag == _TAG + "map":
                return self._table(node, place, path, depth)
            case SequenceNode() if node.tag == _TAG + "seq":
                items = [self._read(item, _join(path, str(i)), depth + 1) for i, item in enumerate(node.value)]
                return Items(items, place)
            case ScalarNode():
                return Scalar(self._scalar(node, place, path), place, str(node.value))
        self._problem(f"the tag {_short_tag(node.tag)} is not supported; write plain values", path, place)
        return Scalar(None, place)

    def _table(self, node: MappingNode, place: Place, path: str, depth: int) -> Table:
        table = Table({}, place)
        for key_node, value_node in node.value:
            key_place = self._place(key_node)
            if not (
                isinstance(key_node, ScalarNode) and key_node.tag in (_TAG + "str", _TAG + "timestamp", _TAG + "value")
            ):
                self._key_problem(key_node, path, key_place)
                continue
            key = str(key_node.value)
            value = self._read(value_node, _join(path, key), depth + 1)
            if key in table.nodes:
                first = table.keys[key]
                message = f"'{key}' is given twice; first on line {first.line}, column {first.column}"
                self._problem(message, _join(path, key), key_place)
                continue
            table.nodes[key], table.keys[key] = value, key_place
        return table

    def _key_problem(self, key: Any, path: str, place: Place) -> None:
        if isinstance(key, ScalarNode) and key.tag == _TAG + "merge":
            self._problem(
                "merge keys (<<) are not part of YAML 1.2", path, place, "repeat the keys, or alias one value"
            )
        elif isinstance(key, ScalarNode):
            hint = f"put it in quotes: '{key.value}'" if key.value else None
            self._problem(f"the key {key.value or 'null'} is not text ({_short_tag(key.tag)})", path, place, hint)
        else:
            self._problem("a key must be text, not a list or a mapping", path, place)

    def _scalar(self, node: ScalarNode, place: Place, path: str) -> object:
        if node.tag in _TEXT_TAGS or node.tag == _TAG + "merge":
            return str(node.value)
        tag = str(node.tag).removeprefix(_TAG)
        if tag == "null":
            return None
        if tag not in ("bool", "int", "float"):
            self._problem(f"the tag {_short_tag(node.tag)} is not supported; write plain values", path, place)
            return None
        try:
            return getattr(self.constructor, f"construct_yaml_{tag}")(node)
        except (ValueError, KeyError, OverflowError, IndexError):
            self._problem(f"{str(node.value)[:40]!r} cannot be read as {tag}", path, place)
            return None

    def _place(self, node: Any) -> Place:
        mark = node.start_mark
        return Place(self.source, mark.line + 1, mark.column + 1, self.folder)

    def _problem(self, message: str, path: str, place: Place, hint: str | None = None) -> None:
        self.problems.append(Problem(message, path, place.line, place.column, place.source, hint))


def dump(data: Mapping[str, object]) -> str:
    """Plain data as YAML 1.2; `read_text` gives the same data back."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # innermost lists and mappings on one line
    yaml.width = 110
    yaml.sort_base_mapping_type_on_output = False
    yaml.Representer = _Representer
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


class _Representer(SafeRepresenter):
    """Repeats values instead of anchoring them, and quotes text wherever there is doubt."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_text(self, text: str) -> Any:
        style = None if _PLAIN.fullmatch(text) else '"'  # in quotes, every character can be escaped
        return self.represent_scalar(_TAG + "str", text, style=style)


_Representer.add_representer(str, _Representer.represent_text)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _short_tag(tag: object) -> str:
    return "!!" + str(tag).removeprefix(_TAG) if str(tag).startswith(_TAG) else str(tag)
