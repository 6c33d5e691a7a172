"""Old names that still work for one version, and say so."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def warn_renamed(old: str, new: str, level: int = 3) -> None:
    """Say once a place that a name has changed.

    Args:
        old: the old name.
        new: what it is now.
        level: how many calls further out the old name was used, as of `warnings.warn`.
    """
    warnings.warn(f"{old} is now {new}; the old name goes with version 0.2", DeprecationWarning, stacklevel=level)


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


def renamed_override(cls: type, old: str, new: str) -> None:
    """Called by a base class's `__init_subclass__`: a method is overridden under its old name as under its new one.

    Args:
        cls: the subclass.
        old: the old name.
        new: the method that it is now.
    """
    own = vars(cls)
    if new in own and old not in own:
        method = own[new]

        def renamed(self: object, *arguments: Any, **options: Any) -> Any:
            warn_renamed(f"{cls.__name__}.{old}", new)
            return method(self, *arguments, **options)  # of this class, as `super().old()` may have led here

        renamed.__name__, renamed.__doc__ = old, f"Old name of `{new}`."
        setattr(cls, old, renamed)
    elif old in own and new not in own:
        warn_renamed(f"{cls.__name__}.{old}", new, level=5)  # past `__init_subclass__` and ABCMeta
        setattr(cls, new, own[old])


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


@dataclass(frozen=True)
class Moved:
    """Where a module has gone, with those of its names that have changed on the way."""

    home: str
    """The module that it is now."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Old name to new name, or to "module:name" for what has gone elsewhere."""


class MovedModules:
    """Finds modules under their old paths, after all other finders: a package tells `sys.meta_path` of those it had.

    Args:
        moved: old path to what it is now; the path of a package stands for all below it.
    """

    def __init__(self, moved: Mapping[str, Moved]) -> None:
        self._moved = moved

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """A module that has moved; None for all others."""
        moved = self._of(name)
        if moved is None or find_spec(moved.home) is None:
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # importlib.abc is slow

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Nothing but names that are looked up, and warned of, when they are used."""
        moved = self._of(module.__name__)
        assert moved is not None
        module.__doc__ = f"Old name of `{moved.home}`, for one version."
        module.__getattr__ = _moved_names(module.__name__, moved)  # type: ignore[method-assign]

    def _of(self, name: str) -> Moved | None:
        package, _, module = name.rpartition(".")
        above = self._moved.get(package)
        return self._moved.get(name) or (Moved(f"{above.home}.{module}") if above else None)


def _moved_names(old: str, moved: Moved) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        new = moved.names.get(name, name)
        home, _, new = new.rpartition(":")
        found = getattr(import_module(home or moved.home), new)
        warn_renamed(f"{old}.{name}", f"{home or moved.home}.{new}")
        return found

    return find
