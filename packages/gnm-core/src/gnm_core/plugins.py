"""Find the installed plugins and call each by itself, so that a broken one harms nobody else."""

import os
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions

import pluggy

from gnm_core import hookspecs
from gnm_core.errors import PluginError
from gnm_core.hookspecs import API_VERSION, GROUP, TRAINING_HOOKS
from gnm_core.isolation import Interrupted, plugin_code
from gnm_core.offers import our_packages
from gnm_core.printable import printable, quoted, said_by, short
from gnm_core.registry import Listener, Plugin, Provider, Register, Registry
from gnm_core.suggestions import did_you_mean

OFF = "GNM_DISABLE_PLUGINS"
"""Names of plugins, with commas between them, that are not to be looked at."""


@cache
def installed() -> Registry:
    """What the plugins of this environment offer; looked up once per process."""
    points, unreadable = _discover()
    registry = load_plugins(points)
    registry.plugins += unreadable
    return registry


def _discover() -> tuple[list[EntryPoint], list[Plugin]]:
    """Every entry point of the group, and the distributions whose entry points cannot be read.

    Like `importlib.metadata.entry_points`, but one broken file does not spoil all others.
    """
    points: list[EntryPoint] = []
    unreadable: list[Plugin] = []
    seen = set()
    for found in distributions():
        try:
            offered = list(found.entry_points.select(group=GROUP))
        except Exception as error:
            if _names_group(found, error):
                cause = f"its entry_points.txt cannot be read: {said_by(error)}"
                unreadable.append(Plugin("", "entry_points.txt", _provider(found), failure=cause))
            continue
        distribution = _canonical(_provider(found).distribution) if offered else ""
        if offered and distribution not in seen:  # a second one of the name, further down the path, is shadowed
            seen.add(distribution)
            points += offered
    return points, unreadable


def _names_group(found: Distribution, error: Exception) -> bool:
    """Whether entry points that cannot be read are, as far as one can tell, a plugin's."""
    if isinstance(error, UnicodeDecodeError):
        return f"[{GROUP}]".encode() in error.object
    try:
        return f"[{GROUP}]" in (found.read_text("entry_points.txt") or "")
    except Exception:
        return False


def load_plugins(points: Iterable[EntryPoint]) -> Registry:
    """Register every plugin that works and note why the others do not. The first to claim a name has it."""
    registry = Registry()
    off = {_canonical(name.strip()) for name in os.environ.get(OFF, "").split(",")} - {"gnm-core"}
    with Interrupted() as interrupted:
        for point in sorted(points, key=_precedence):
            provider = _provider(point.dist)
            if _canonical(provider.distribution) in off or _canonical(point.name) in off:
                registry.plugins.append(Plugin(short(point.name), short(point.value), provider, off=True))
            else:
                registry.plugins.append(_load(point, registry, interrupted))
    return registry


@contextmanager
def without(names: Iterable[str]) -> Iterator[None]:
    """Turn plugins off for a while, in processes that are started meanwhile too.

    Args:
        names: of distributions or entry points.

    Raises:
        PluginError: there is no such plugin, or it is gnm-core.
    """
    names, before = list(names), os.environ.get(OFF)
    os.environ[OFF] = ",".join([*([before] if before else []), *names])
    installed.cache_clear()
    try:
        known = {_canonical(name): name for p in installed().plugins for name in (p.provider.distribution, p.name)}
        for name in names:
            if _canonical(name) not in known:
                near = did_you_mean(name, known.values()) or f"plugins: {', '.join(dict.fromkeys(known.values()))}"
                raise PluginError(f"--without {short(name)}: there is no such plugin; {near}")
            if _canonical(name) == "gnm-core":
                raise PluginError("--without gnm-core: nothing works without it")
        yield
    finally:
        if before is None:
            del os.environ[OFF]
        else:
            os.environ[OFF] = before
        installed.cache_clear()


def _precedence(point: EntryPoint) -> tuple[int, str, str]:
    provider = _canonical(_provider(point.dist).distribution)
    first = our_packages()
    return (first.index(provider) if provider in first else len(first), provider, point.name)


def _canonical(distribution: str) -> str:
    """As PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _provider(found: Distribution | None) -> Provider:
    """Name and version, as far as the metadata can be read."""
    known = {}
    for field in ("name", "version"):
        try:
            known[field] = getattr(found, field)
        except Exception:  # what a broken file raises depends on how it is broken
            known[field] = None
    return Provider(short(known["name"] or "unknown"), short(known["version"] or "unknown"))


def _load(point: EntryPoint, registry: Registry, interrupted: Interrupted) -> Plugin:
    provider = _provider(point.dist)
    register = Register(provider)
    try:
        with plugin_code():
            module = point.load()
            _require_api(module)
            hooks = _call(module, point.name, register)
        added = registry.add(register)
    # Whatever it raises: sys.exit() on import must not end the program, nor pytest's or asyncio's own kinds.
    except BaseException as error:
        if interrupted.by_user:
            raise
        cause = str(error) if isinstance(error, PluginError) else said_by(error)
        return Plugin(
            short(point.name),
            short(point.value),
            provider,
            failure=" ".join(cause.split()),
            traceback=printable("".join(traceback.format_exception(error))),
        )
    told = tuple(name for name in TRAINING_HOOKS if getattr(hooks, name).get_hookimpls())
    if told:
        registry.listeners.append(Listener(provider, hooks))
    kernels, notes = register.kernels, added.notes
    return Plugin(point.name, point.value, provider, added.parts, added.commands, kernels, told, notes)


def _require_api(module: object) -> None:
    needed = getattr(module, "GNM_API", API_VERSION)
    if not isinstance(needed, int):
        raise PluginError(f"GNM_API must be a whole number, not {quoted(needed)}")
    if needed > API_VERSION:
        raise PluginError(f"needs plugin API {needed}, and this gnm-core has {API_VERSION}: upgrade gnm-core")


def _call(module: object, entry: str, register: Register) -> pluggy.HookRelay:
    """Run one plugin's hook in a manager of its own: what it does wrong cannot reach another's call."""
    hooks = hooks_of(module, entry)
    if not any(getattr(hooks, name).get_hookimpls() for name in ("gnm_register", *TRAINING_HOOKS)):
        raise PluginError("has no function 'gnm_register' marked with @hookimpl")
    hooks.gnm_register(register=register)
    return hooks


def hooks_of(implementation: object, name: str) -> pluggy.HookRelay:
    """The hooks of one plugin or callback, in a manager of its own.

    Args:
        implementation: a module or an object with functions marked by `@hookimpl`.
        name: what pluggy calls it.

    Raises:
        PluginError: a hook does not exist, or has an argument that does not.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(implementation, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = ", ".join(("gnm_register", *TRAINING_HOOKS))
        raise PluginError(f"has a hook that does not exist ({error}); hooks: {known}") from error
    return manager.hook
