"""What a plugin names without importing it: "module:Class", and modules; resolved when they are used."""

import re
from importlib import import_module
from typing import Any

from gnm_core.errors import PluginError
from gnm_core.isolation import plugin_code
from gnm_core.printable import said_by

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.][A-Za-z0-9]+)*")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def resolve(target: "str | object", owner: str) -> Any:
    """The object behind "module:name".

    Args:
        target: the reference, or the object itself.
        owner: who registered it, for the error.

    Raises:
        PluginError: the module cannot be imported or has no such name.
    """
    if not isinstance(target, str):
        return target
    module, name = target.split(":")
    try:
        with plugin_code():
            return getattr(import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit(), and what else is no Exception
        raise PluginError(f"{owner}: {target} cannot be loaded: {said_by(error)}") from error


def resolve_module(module: str, owner: str) -> Any:
    """Import a module that a plugin names.

    Raises:
        PluginError: it cannot be imported.
    """
    try:
        with plugin_code():
            return import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{owner}: {module} cannot be loaded: {said_by(error)}") from error
