"""Old names that still work for one version, and say so."""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def warn_renamed(old: str, new: str) -> None:
    """Say once a place that a name has changed."""
    warnings.warn(f"{old} is now {new}; the old name goes with version 0.2", DeprecationWarning, stacklevel=3)


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """A method under its old name.

    Args:
        old: the old name.
        new: the method that it is now.
    """

    def method(self: object, *arguments: Any, **options: Any) -> Any:
        warn_renamed(f"{type(self).__name__}.{old}", new)
        return getattr(self, new)(*arguments, **options)

    method.__name__, method.__doc__ = old, f"Old name of `{new}`."
    return method


def renamed_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` for names that have moved or changed.

    Args:
        module: the module that had them.
        names: old name to "module:name".
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = names[name].partition(":")
        warn_renamed(f"{module}.{name}", f"{home}.{new}")
        return getattr(import_module(home), new)

    return find


def moved_module(old: str, new: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module that has moved as a whole.

    Args:
        old: where it was.
        new: where it is.
    """

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        found = getattr(import_module(new), name)
        warn_renamed(old, new)
        return found

    return find
