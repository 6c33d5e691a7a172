"""Packages whose names are imported when they are first used, and listed once, in a stub (`__init__.pyi`)."""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_names(package: str, file: str) -> tuple[Callable[[str], Any], list[str]]:
    """A package's `__getattr__` and `__all__`, read from its stub.

    Args:
        package: its `__name__`.
        file: its `__file__`; the stub of the same name says `from MODULE import NAME as NAME` for each name.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {name.name: str(node.module) for node in imports for name in node.names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find, list(homes)
