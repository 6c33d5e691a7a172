"""Parts outside of packages: from a single file that is named on the command line, a script, or a notebook."""

import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from gnm_core.errors import PluginError
from gnm_core.hookspecs import TRAINING_HOOKS
from gnm_core.isolation import plugin_code
from gnm_core.plugins import hooks_of, installed
from gnm_core.printable import said_by, short
from gnm_core.registry import Entry, Listener, Plugin, Provider, Register
from gnm_core.regular_files import read_file

if TYPE_CHECKING:
    from gnm_core.contracts import Contract

NOTEBOOK = Provider("notebook", "unsaved")
"""Who provides parts that stand in no file."""
RECORDS = ("meta.json", "settings.json")
"""Where a checkpoint and a run say which files they need."""
KEY = "plugin_files"
MODULE = "gnm_plugin_"
"""Begins the name of an executed file's module."""

Part = TypeVar("Part", bound="type[Contract]")


@dataclass(frozen=True)
class PluginFile:
    """A file that provides parts."""

    path: str
    """Where it lay, absolute."""
    sha256: str
    """Of its content, as it was executed."""

    @property
    def name(self) -> str:
        """`my_prior.py`."""
        return Path(self.path).name

    @property
    def wanted(self) -> str:
        """What to say where it was not executed."""
        return f"this needs the parts of {self.name} (sha256 {self.sha256}); add --plugin {shlex.quote(self.path)}"

    @property
    def provider(self) -> Provider:
        """What its parts come from."""
        return Provider(self.name, f"sha256:{self.sha256[:12]}")


_FILES: dict[str, PluginFile] = {}
"""By module name, as they were executed here."""


def part(kind: str, name: str) -> Callable[[Part], Part]:
    """Register a class at once, in a notebook, a script or a file for `--plugin`; done again, it replaces itself.

    Args:
        kind: of the part, such as `prior`.
        name: what specs call it.

    Raises:
        PluginError: it is no part of that kind, or a package provides one of that name.

    Example:
        @gnm_core.part("prior", "mine")
        class MyPrior(gnm_core.ScenePrior): ...
    """

    def register(cls: Part) -> Part:
        provider = _provider_of(cls)
        collected = Register(provider)
        collected.part(kind, name, cls)
        entry = collected.parts[kind, name]
        entry.load()
        registry = installed()
        there = registry.find(kind, name)
        if there is not None and there.provider.distribution != provider.distribution:
            raise PluginError(f"{kind} '{name}' is already provided by {there.provider}; choose another name")
        registry.parts[kind, name] = entry
        _list(entry, str(cls.__module__))
        return cls

    return register


def load_plugin_file(path: Path) -> PluginFile:
    """Execute a file, whose parts (`@gnm_core.part`) and hooks (`@gnm_core.hookimpl`) are there from then on.

    Raises:
        PluginError: it is no `.py` file, cannot be read, raises, or provides nothing.
    """
    if path.suffix != ".py":
        raise PluginError(f"{short(str(path))}: a file of Python's is expected, whose name ends in .py")
    try:
        content = read_file(path)
    except OSError as error:
        raise PluginError(f"{path}: cannot be read: {error.strerror}") from None
    file = PluginFile(str(path.resolve()), hashlib.sha256(content).hexdigest())
    if any(plugin.provider == file.provider for plugin in installed().plugins):
        return file  # as it is, it is here already
    _forget(file.name)
    module = _module(file, content)
    try:
        with plugin_code():
            module.__loader__.exec_module(module)  # type: ignore[union-attr]
            hooks = hooks_of(module, file.name)
            register = Register(file.provider)
            hooks.gnm_register(register=register)
        added = installed().add(register)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too
        cause = _cause(error, file)
        raise PluginError(f"{short(str(path))}: {cause}{_line_of(error, file)}") from error
    for entry in added.parts:
        _list(entry, module.__name__)
    told = tuple(name for name in TRAINING_HOOKS if getattr(hooks, name).get_hookimpls())
    if told:
        installed().listeners.append(Listener(file.provider, hooks))
    if not (told or added.commands or _parts_of(file.provider)):
        raise PluginError(f'{short(str(path))} provides nothing: mark its parts with @gnm_core.part("kind", "name")')
    return file


def files_of(providers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a run records of the files among its providers: name to path and checksum."""
    return {file.name: asdict(file) for file in _FILES.values() if providers.get(file.name) == file.provider.version}


def executed_files() -> list[PluginFile]:
    """The files that `load_plugin_file` has executed, and whose parts are here, in that order."""
    here = {plugin.provider for plugin in installed().plugins}
    return [file for module, file in _FILES.items() if module.startswith(MODULE) and file.provider in here]


def missing_files(folder: Path) -> list[PluginFile]:
    """The files that a run or checkpoint says it needs, and that were not executed here."""
    noted: dict[str, Any] = {}
    for record in RECORDS:
        try:
            found = json.loads(read_file(folder / record)).get(KEY, {})
            noted |= {name: PluginFile(str(note["path"]), str(note["sha256"])) for name, note in found.items()}
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            continue  # a damaged file is told by whoever reads it for what else it says
    here = {plugin.provider.distribution for plugin in installed().plugins}
    return [file for name, file in noted.items() if name not in here]


def changes(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """`my-priors 1.0 → 1.1`: what provides other versions of parts now than it did then."""
    return [f"{name} {then[name]} → {now[name]}" for name in then if name in now and then[name] != now[name]]


def _provider_of(cls: type) -> Provider:
    """The file that a class stands in, with its checksum; a notebook has none."""
    module = cls.__module__
    if module not in _FILES:
        path = getattr(sys.modules.get(module), "__file__", None)
        if path is None:
            return NOTEBOOK
        try:
            content = read_file(Path(path))
        except OSError:
            return NOTEBOOK
        _FILES[module] = PluginFile(str(Path(path).resolve()), hashlib.sha256(content).hexdigest())
    return _FILES[module].provider


def _list(entry: Entry, module: str) -> None:
    """Put a part into the list of plugins, beside the others of its file."""
    plugins, provider = installed().plugins, entry.provider
    mine = next((plugin for plugin in plugins if plugin.provider.distribution == provider.distribution), None)
    others = [old for old in (mine.parts if mine else ()) if (old.kind, old.name) != (entry.kind, entry.name)]
    plugins[:] = [old for old in plugins if old is not mine]
    plugins.append(Plugin(provider.distribution, module, provider, (*others, entry)))


def _forget(name: str) -> None:
    """Let go of what an earlier state of a file of this name provided."""
    registry = installed()
    registry.plugins[:] = [plugin for plugin in registry.plugins if plugin.provider.distribution != name]
    registry.listeners[:] = [listener for listener in registry.listeners if listener.provider.distribution != name]
    for key in [key for key, entry in registry.parts.items() if entry.provider.distribution == name]:
        del registry.parts[key]
    for command in [command.name for command in registry.commands.values() if command.provider.distribution == name]:
        del registry.commands[command]
    for module in [module for module, file in _FILES.items() if file.name == name]:
        del _FILES[module]


def _parts_of(provider: Provider) -> list[Entry]:
    return [entry for entry in installed().parts.values() if entry.provider == provider]


class _Content(SourceLoader):
    """Executes what was read, whatever becomes of the file meanwhile; leaves no compiled files behind."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path, self._content = path, content

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str | bytes) -> bytes:
        if path != self._path:
            raise FileNotFoundError(path)
        return self._content


def _module(file: PluginFile, content: bytes) -> ModuleType:
    name = f"{MODULE}{file.sha256[:12]}"  # the same text is the same module, another one beside it
    spec = spec_from_loader(name, _Content(file.path, content))
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    _FILES[name] = file
    return module


def _cause(error: BaseException, file: PluginFile) -> str:
    if isinstance(error, SyntaxError) and error.filename == file.path:  # its text would say the line once more
        return f"SyntaxError: {error.msg}"
    return str(error) if isinstance(error, PluginError) else said_by(error)


def _line_of(error: BaseException, file: PluginFile) -> str:
    """` (line 3)`, the last one of the file that the error went through."""
    if isinstance(error, SyntaxError) and error.filename == file.path:
        return f" (line {error.lineno})"
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == file.path:
            lines.append(at.tb_lineno)
        at = at.tb_next
    return f" (line {lines[-1]})" if lines else ""
