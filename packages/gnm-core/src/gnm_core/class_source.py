"""Classes as their source text has them, found without importing anything."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path


class Unreadable(Exception):
    """The class cannot be found or its source cannot be read; the text says why."""


@dataclass(frozen=True)
class Module:
    """A module's source text."""

    name: str
    package: str
    """What relative imports are relative to."""
    tree: ast.Module

    @property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Local name to (module, name in it)."""
        return imports_of(self)


@dataclass(frozen=True)
class ClassSource:
    """A class as its module's text has it."""

    module: Module
    node: ast.ClassDef


@cache
def imports_of(module: Module) -> dict[str, tuple[str, str]]:
    """Local name to (module, name in it)."""
    found = {}
    for statement in statements(module.tree.body):
        if isinstance(statement, ast.ImportFrom):
            base = statement.module or ""
            if statement.level:
                parents = module.package.split(".")
                base = ".".join(p for p in (*parents[: len(parents) - statement.level + 1], base) if p)
            for alias in statement.names:
                found[alias.asname or alias.name] = (base, alias.name)
    return found


@cache
def module_source(name: str) -> Module:
    """The module of a dotted name.

    Raises:
        Unreadable: there is no source text of it.
    """
    spec = _locate(name)
    get_source = getattr(spec.loader, "get_source", lambda name: None)
    try:
        source = get_source(name)
    except (OSError, ImportError, SyntaxError, UnicodeDecodeError) as error:
        raise Unreadable(f"module {name} cannot be read: {error}") from error
    if source is None:
        raise Unreadable(f"module {name} has no source text")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Unreadable(f"module {name} is not Python: {error}") from error
    if spec.origin and (stub := Path(spec.origin).with_suffix(".pyi")).is_file():  # lists what is lazy
        tree.body += ast.parse(stub.read_text(encoding="utf-8")).body
    is_package = spec.submodule_search_locations is not None
    return Module(name, name if is_package else name.rpartition(".")[0], tree)


def _locate(name: str) -> ModuleSpec:
    """The module's spec, found without importing its parents, as `importlib.util.find_spec` would."""
    top, *rest = name.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError) as error:
        raise Unreadable(f"module {top} cannot be found: {error}") from error
    path = top
    for part in rest:
        if spec is None:
            break
        places = [str(Path(place)) for place in _places(spec)]
        path = f"{path}.{part}"
        spec = PathFinder.find_spec(path, places)
    if spec is None:
        raise Unreadable(f"there is no module {path}")
    return spec


def _places(spec: ModuleSpec) -> list[str]:
    locations = spec.submodule_search_locations
    # A namespace package's locations ask for its parent in sys.modules; its plain list does not.
    return list(getattr(locations, "_path", locations) or [])


def find_class(module: str, name: str, depth: int = 0) -> ClassSource:
    """The class, followed through re-exports."""
    found = module_source(module)
    for node in statements(found.tree.body):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return ClassSource(found, node)
    if name in found.imports and depth < 8:
        home, original = found.imports[name]
        return find_class(home, original, depth + 1)
    raise Unreadable(f"module {module} has no class {name}")


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those of its `if` and `try` blocks included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from statements([*statement.body, *statement.orelse])


def lineage_of(found: ClassSource, depth: int = 0) -> Iterator[ClassSource]:
    """The class and its ancestors, depth first; ancestors outside readable sources are left out."""
    yield found
    if depth > 16:
        return
    for base in found.node.bases:
        name = name_of(base)
        try:
            parent = find_class(found.module.name, name) if name else None
        except Unreadable:
            continue
        if parent is not None:
            yield from lineage_of(parent, depth + 1)


def name_of(node: ast.expr) -> str | None:
    """The last name in an expression, such as `Ge` of `annotated_types.Ge(1)`; None where there is none."""
    if isinstance(node, ast.Subscript):
        return name_of(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def own_text(found: ClassSource, attribute: str) -> str | None:
    """Text that the class body itself assigns to an attribute."""
    value = assigned(found.node.body, attribute)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def assigned(body: list[ast.stmt], name: str) -> ast.expr | None:
    """What a body assigns to a name."""
    for statement in statements(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return value
            case ast.AnnAssign(target=ast.Name(id=found), value=value) if found == name:
                return value
    return None
