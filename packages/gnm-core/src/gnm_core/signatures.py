"""What a part's class says about itself, read from its source text: nothing is imported, so listing parts is fast."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc
from textwrap import dedent

from gnm_core.class_source import (
    ClassSource,
    Module,
    Unreadable,
    assigned,
    find_class,
    lineage_of,
    module_source,
    name_of,
    own_text,
)

CONTRACT = "Contract"
"""Name of the base of every contract."""


@dataclass(frozen=True)
class Option:
    """One constructor argument, as a spec spells it."""

    name: str
    type: str
    """In words (`integer >= 1`), or the kind of part that goes there."""
    default: str | None
    """As a spec would say it; None where it must be given."""
    help: str
    """What the docstring says; empty where it says nothing."""
    slot: str | None
    """Kind of part that it takes; None for plain options."""


@dataclass(frozen=True)
class Signature:
    """A part's class, as its source shows it."""

    name: str
    """Of the class."""
    summary: str
    """First line of its docstring."""
    doc: str
    """All of it."""
    contracts: tuple[str, ...]
    """Names of the contracts that it satisfies."""
    describes: str
    """What its contract says that parts of the kind do."""
    options: tuple[Option, ...]


def signature_of(target: str | type) -> Signature:
    """Read "module:Class".

    Raises:
        Unreadable: no such module or class, or a syntax error in it.
    """
    module, name = target.split(":") if isinstance(target, str) else (target.__module__, target.__qualname__)
    found = find_class(module, name)
    lineage = list(lineage_of(found))
    doc = cleandoc(ast.get_docstring(found.node) or "")
    contracts = [c for c in lineage if own_text(c, "describes") is not None and c.node.name != CONTRACT]
    return Signature(
        name=name,
        summary=" ".join(doc.split("\n\n")[0].split()),
        doc=doc,
        contracts=tuple(c.node.name for c in contracts),
        describes=own_text(contracts[0], "describes") or "" if contracts else "",
        options=tuple(_options(lineage)),
    )


# Options


def _options(lineage: list[ClassSource]) -> Iterator[Option]:
    seen: set[str] = set()
    for found in lineage:
        init = next((n for n in found.node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        if init is not None:
            helps = _args_section(ast.get_docstring(found.node) or "") | _args_section(ast.get_docstring(init) or "")
            for argument, default in _arguments(init):
                sizes = argument.annotation is not None and name_of(argument.annotation) == "Dims"
                if not sizes and argument.arg not in seen:
                    help = helps.get(argument.arg, "")
                    yield _option(found.module, argument.arg, argument.annotation, default, help)
                seen.add(argument.arg)
            if init.args.kwarg is None:  # `**rest` hands on to the class above
                return
    if seen:
        return
    # No constructor anywhere: perhaps a dataclass, or a part without options.
    if any(_is_dataclass(found.node) for found in lineage):
        fields: dict[str, Option] = {}
        for found in reversed([c for c in lineage if _is_dataclass(c.node)]):
            fields |= {option.name: option for option in _fields(found)}
        yield from fields.values()


def _arguments(init: ast.FunctionDef) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    plain = [*init.args.posonlyargs, *init.args.args]
    padding = [None] * (len(plain) - len(init.args.defaults))
    yield from list(zip(plain, [*padding, *init.args.defaults], strict=True))[1:]
    yield from zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(name_of(d.func if isinstance(d, ast.Call) else d) == "dataclass" for d in node.decorator_list)


def _fields(found: ClassSource) -> Iterator[Option]:
    helps = _args_section(ast.get_docstring(found.node) or "")
    body = found.node.body
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if name_of(statement.annotation) in ("ClassVar", "Dims"):
            continue
        said = helps.get(statement.target.id, "")
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            said = " ".join(after.value.value.split())
        yield _option(found.module, statement.target.id, statement.annotation, statement.value, said)


def _option(module: Module, name: str, annotation: ast.expr | None, default: ast.expr | None, help: str) -> Option:
    text = None if default is None else _as_in_spec(default, module)
    inner, metadata = _strip(annotation)
    part = next((item for item in metadata if isinstance(item, ast.Call) and name_of(item.func) == "Default"), None)
    if part is not None and part.args:
        options = ", ".join(f"{(k.arg or '').removesuffix('_')}: {_as_in_spec(k.value)}" for k in part.keywords)
        name_of_default = _as_in_spec(part.args[0])
        text = f"{{use: {name_of_default}, {options}}}" if options else name_of_default
    slot = _slot(module, inner)
    return Option(name.removesuffix("_"), _words(module, annotation), text, help, slot)


def _as_in_spec(node: ast.expr, module: Module | None = None) -> str:
    """A default as YAML would write it, a module's constant by its value; other than plain values, as Python does."""
    if module is not None and isinstance(node, ast.Name) and (constant := _alias(module, node.id)):
        return _as_in_spec(constant[1])
    try:
        return _yaml(ast.literal_eval(node))
    except (ValueError, SyntaxError):
        return ast.unparse(node)


def _yaml(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        case tuple() | list():
            return f"[{', '.join(_yaml(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    return str(value)


def _alias(module: Module, name: str, depth: int = 0) -> tuple[Module, ast.expr] | None:
    """What a type alias at the top of a module stands for, and where; followed through imports."""
    value = assigned(module.tree.body, name)
    if value is not None:
        return module, value
    if name in module.imports and depth < 8:
        home, original = module.imports[name]
        try:
            return _alias(module_source(home), original, depth + 1)
        except Unreadable:
            return None
    return None


def _strip(annotation: ast.expr | None) -> tuple[ast.expr | None, list[ast.expr]]:
    """`Annotated[X, a, b]` to (X, [a, b]); `X | None` to X."""
    if isinstance(annotation, ast.Subscript) and name_of(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        inner, more = _strip(annotation.slice.elts[0])
        return inner, [*more, *annotation.slice.elts[1:]]
    sides = [side for side in _members(annotation) if not _is_none(side)]
    return _strip(sides[0]) if len(sides) == 1 and sides[0] is not annotation else (annotation, [])


def _members(annotation: ast.expr | None) -> list[ast.expr]:
    """The two sides of `X | Y`, the members of `Union[X, Y]` and `Optional[X]`; of anything else, itself."""
    match annotation:
        case None:
            return []
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Subscript(value=form, slice=inner) if name_of(form) in ("Union", "Optional"):
            null = [ast.Constant(None)] if name_of(form) == "Optional" else []
            return [*(inner.elts if isinstance(inner, ast.Tuple) else [inner]), *null]
    return [annotation]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


@cache
def _kind(module: str, name: str) -> str | None:
    """The kind of a contract; None for any other class."""
    try:
        lineage = list(lineage_of(find_class(module, name)))
    except Unreadable:
        return None
    if not any(c.node.name == CONTRACT for c in lineage):
        return None
    return next((kind for c in lineage if (kind := own_text(c, "kind"))), None)


_PLAIN = {"int": "integer", "float": "number", "bool": "true or false", "str": "text", "Path": "path", "None": "null"}


def _slot(module: Module, annotation: ast.expr | None) -> str | None:
    """The kind of part that fits the annotation, also inside `tuple[X, ...]` and `dict[str, X]`."""
    if isinstance(annotation, ast.Subscript):
        items = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return next((kind for item in items if (kind := _slot(module, _strip(item)[0]))), None)
    name = name_of(annotation) if annotation is not None else None
    if not name or name in _PLAIN:
        return None
    alias = _alias(module, name)
    return _slot(alias[0], _strip(alias[1])[0]) if alias else _kind(module.name, name)


def _words(module: Module, annotation: ast.expr | None) -> str:  # noqa: PLR0911 (one form a case)
    """The annotation in words."""
    if len(members := _members(annotation)) > 1:
        return " or ".join(_words(module, member) for member in members)
    form = name_of(annotation.value) if isinstance(annotation, ast.Subscript) else None
    match annotation:
        case None:
            return "anything"
        case ast.Subscript(slice=ast.Tuple(elts=[inner, *metadata])) if form == "Annotated":
            limits = [limit for item in metadata if (limit := _limit(item))]
            return " ".join([_words(module, inner), ", ".join(limits)]).rstrip()
        case ast.Subscript(slice=choices) if form == "Literal":
            values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return " or ".join(_as_in_spec(v) for v in values)
        case ast.Subscript(slice=ast.Tuple(elts=[item, *_])) if form in ("tuple", "list", "Sequence"):
            return f"list of {_words(module, item)}"
        case ast.Subscript(slice=ast.Tuple(elts=[_, value])) if form in ("dict", "Mapping"):
            return f"mapping of names to {_words(module, value)}"
        case ast.Constant(value=None):
            return "null"
        case ast.Constant(value=str(text)):
            return text
    name = name_of(annotation)
    if name is None:
        return ast.unparse(annotation)
    if word := _PLAIN.get(name) or _kind(module.name, name):
        return word
    alias = _alias(module, name)
    return _words(*alias) if alias else name


def _limit(item: ast.expr) -> str | None:
    """A range in words."""
    if not (isinstance(item, ast.Call) and (item.args or item.keywords)):
        return None
    words = {
        "Ge": ">= {}",
        "Gt": "> {}",
        "Le": "<= {}",
        "Lt": "< {}",
        "MultipleOf": "multiple of {}",
        "MinLen": "(at least {})",
        "MaxLen": "(at most {})",
    }.get(name_of(item.func) or "")
    if words is not None and item.args:
        return words.format(ast.unparse(item.args[0])).replace("(at least 1)", "(not empty)")
    if name_of(item.func) in ("Interval", "Len"):
        return ast.unparse(item)
    return None


def _args_section(doc: str) -> dict[str, str]:
    """The `Args:` of a Google docstring, by argument."""
    section = re.search(r"^(?:Args|Attributes):\n((?:[ \t]+.*\n?|\s*\n)+)", cleandoc(doc), re.MULTILINE)
    if section is None:
        return {}
    found: dict[str, str] = {}
    name = None
    for line in dedent(section.group(1)).splitlines():
        head = re.match(r"(\w+)(?: \([^)]*\))?: (.*)", line)
        if head:
            name = head.group(1)
            found[name] = head.group(2)
        elif name and line.startswith(" "):
            found[name] += " " + line.strip()
    return found
