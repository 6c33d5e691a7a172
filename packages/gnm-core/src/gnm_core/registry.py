"""The registry of parts and commands: (kind, name) to the class that does it and the distribution that brought it.

Nothing here imports torch: a part is a reference ("module:Class") that is resolved when it is used.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from gnm_core.entries import CommandEntry as CommandEntry  # noqa: PLC0414 (found here as well)
from gnm_core.entries import Entry as Entry  # noqa: PLC0414 (found here as well)
from gnm_core.entries import KernelEntry as KernelEntry  # noqa: PLC0414 (found here as well)
from gnm_core.entries import Provider as Provider  # noqa: PLC0414 (found here as well)
from gnm_core.entries import Shipped as Shipped  # noqa: PLC0414 (found here as well)
from gnm_core.errors import PluginError
from gnm_core.printable import printable, quoted
from gnm_core.references import MODULE, NAME, TARGET

if TYPE_CHECKING:
    from pluggy import HookRelay

    from gnm_core.contracts import Contract


def _adder(kind: str, what: str) -> "Callable[[Register, str, str | type[Contract]], None]":
    """A method that adds a part of one kind."""

    def add(self: "Register", name: str, target: "str | type[Contract]") -> None:
        self.part(kind, name, target)

    name = kind.replace("-", "_")
    add.__name__, add.__qualname__, add.__doc__ = name, f"Register.{name}", f"Add {what}"
    return add


class Register:
    """What a plugin's `gnm_register` is handed: collects the parts and commands of one distribution.

    A target is "module:Class", imported only when the part is used, or the class itself.

    Raises:
        PluginError: from every method, when a name is given twice or the target cannot be a part.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._parts: dict[tuple[str, str], Entry] = {}
        self._commands: dict[str, CommandEntry] = {}
        self._kernels: list[KernelEntry] = []
        self.spec_folders: list[Path] = []
        self.model_folders: list[Path] = []
        self.law_modules: list[str] = []

    @property
    def parts(self) -> Mapping[tuple[str, str], Entry]:
        """The parts so far, by kind and name; `part` adds one."""
        return MappingProxyType(self._parts)

    @property
    def commands(self) -> Mapping[str, CommandEntry]:
        """The commands so far, by name; `command` adds one."""
        return MappingProxyType(self._commands)

    @property
    def kernels(self) -> tuple[KernelEntry, ...]:
        """The kernels so far; `kernel` adds one."""
        return tuple(self._kernels)

    def part(self, kind: str, name: str, target: "str | type[Contract]") -> None:
        """Add a part of any kind, a kind of your own included."""
        label = f"{kind} '{name}'"
        for what, text in (("kind", kind), ("name", name)):
            if not (isinstance(text, str) and NAME.fullmatch(text)) or text in ("true", "false", "null"):
                raise PluginError(
                    f"{quoted(text)} cannot be the {what} of a part: letters, digits, '-', '_' and '.' only"
                )
        if isinstance(target, str):
            if not TARGET.fullmatch(target):
                raise PluginError(f"{label}: '{target}' is not of the form 'module:Class'")
        elif not is_part(target):
            raise PluginError(f"{label}: {quoted(target)} is not a part (no subclass of gnm_core.contracts.Contract)")
        if (kind, name) in self.parts:
            raise PluginError(f"{label} is registered twice: {self.parts[kind, name].target} and {target}")
        self._parts[kind, name] = Entry(kind, name, target, self.provider)

    def command(self, name: str, target: object, help: str) -> None:
        """Add a command: a click command or group, as "module:command", with one line of help."""
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise PluginError(f"{quoted(name)} cannot be the name of a command: letters, digits, '-', '_' and '.' only")
        if isinstance(target, str) and not TARGET.fullmatch(target):
            raise PluginError(f"command '{name}': '{target}' is not of the form 'module:command'")
        if name in self.commands:
            raise PluginError(f"command '{name}' is registered twice: {self.commands[name].target} and {target}")
        if not isinstance(help, str):
            raise PluginError(f"command '{name}': its help must be a line of text, not {quoted(help)}")
        self._commands[name] = CommandEntry(name, target, printable(" ".join(help.split())), self.provider)

    def specs(self, folder: str) -> None:
        """Add the specs (`*.yaml`) in a folder of your package, such as "my_package:specs"."""
        self.spec_folders.append(_folder("specs", folder))

    def pretrained(self, folder: str) -> None:
        """Add the models (folders that `gnm export` made) in a folder of your package, such as "my_package:models"."""
        self.model_folders.append(_folder("pretrained", folder))

    def laws(self, module: str) -> None:
        """Add the laws of a kind of your own: a module with functions marked `@gnm_core.testing.law(Contract)`."""
        if not (isinstance(module, str) and MODULE.fullmatch(module)):
            raise PluginError(f"laws: {quoted(module)} is not the name of a module")
        self.law_modules.append(module)

    def kernel(self, name: str, target: object) -> None:
        """Add a kernel: a function, as "module:function", that answers in a formula's place or declines with None."""
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise PluginError(f"{quoted(name)} cannot be the name of a kernel: letters, digits, '-', '_' and '.' only")
        if isinstance(target, str):
            if not TARGET.fullmatch(target):
                raise PluginError(f"kernel '{name}': {quoted(target)} is not of the form 'module:function'")
        elif not callable(getattr(target, "run", target)):
            raise PluginError(f"kernel '{name}': {quoted(target)} is not a function")
        self._kernels.append(KernelEntry(name, target, self.provider))

    encoder = _adder("encoder", "an encoder: image to feature map.")
    core = _adder("core", "a core: scene code, drawn step by step.")
    prior = _adder("prior", "a prior: of the scene code, or the reference of a symbolic latent.")
    renderer = _adder("renderer", "a renderer: symbolic map to image.")
    decoder = _adder("decoder", "a decoder: of glimpses or of backgrounds.")
    schedule = _adder("schedule", "a schedule: a number as a function of the step.")
    objective = _adder("objective", "an objective: terms to the loss.")
    optimizer = _adder("optimizer", "an optimizer: how parameters are updated.")
    logger = _adder("logger", "a logger: where a training's records go besides its folder.")
    model = _adder("model", "a model of images.")
    data = _adder("data", "a data set.")
    judge = _adder("judge", "a judge: does a scene obey its rule?")
    glimpse_encoder = _adder("glimpse-encoder", "a glimpse encoder: crop of one box to features.")
    background_encoder = _adder("background-encoder", "a background encoder: what lies around objects to z^b.")
    curriculum = _adder("curriculum", "a curriculum: early help for the foreground.")
    digits = _adder("digits", "a source of digits.")
    painter = _adder("painter", "a painter of rooms.")
    attention = _adder("attention", "an attention: which pixels a slot explains (GENESIS).")
    foreground = _adder("foreground", "a foreground of SPACE.")
    background = _adder("background", "a background of SPACE.")
    figure = _adder("figure", "a figure: a picture of a model at work.")
    metric = _adder("metric", "a metric: named numbers about a model.")


def _folder(what: str, folder: object) -> Path:
    """The folder behind "package:folder", without importing the package."""
    package, _, below = folder.partition(":") if isinstance(folder, str) else ("", "", "")
    if not (package.isidentifier() and below):
        raise PluginError(f"{what}: {quoted(folder)} is not of the form 'package:folder'")
    found = find_spec(package)
    homes = [Path(home) / below for home in (found.submodule_search_locations if found else None) or ()]
    home = next((home for home in homes if home.is_dir()), None)
    if home is None:
        raise PluginError(f"{what}: the package {package} has no folder {below}")
    return home


def is_part(target: object) -> bool:
    """Whether `target` is a class under a contract. Without the contracts loaded, nothing can be."""
    contracts = sys.modules.get("gnm_core.contracts")
    return contracts is not None and isinstance(target, type) and issubclass(target, contracts.Contract)


@dataclass(frozen=True)
class Plugin:
    """One entry point of the group `gnm`: what it added, or why it is disabled."""

    name: str
    """Name of the entry point."""
    target: str
    """What it points to, such as `gnm_core.plugin`."""
    provider: Provider
    parts: tuple[Entry, ...] = ()
    commands: tuple[CommandEntry, ...] = ()
    kernels: tuple[KernelEntry, ...] = ()
    hooks: tuple[str, ...] = ()
    """Those of a training that it implements."""
    notes: tuple[str, ...] = ()
    """Names that were taken, and what goes by which name instead."""
    failure: str | None = None
    """Why it is disabled, in one line; None when it works."""
    traceback: str | None = None
    """Where that happened, for the plugin's author."""
    off: bool = False
    """Turned off, by `--without` or `GNM_DISABLE_PLUGINS`; nothing of it was imported."""


@dataclass(frozen=True)
class Listener:
    """A plugin that is told how trainings go."""

    provider: Provider
    hooks: "HookRelay"
    """Its own."""


@dataclass(frozen=True)
class Addition:
    """What a registry took in, under the names that it goes by."""

    parts: tuple[Entry, ...]
    commands: tuple[CommandEntry, ...]
    notes: tuple[str, ...]


Registered = TypeVar("Registered", Entry, CommandEntry)


def _named(entry: Registered, holder: Entry | CommandEntry | None, notes: list[str]) -> Registered:
    """Under a name that nobody holds, which a note tells."""
    if holder is None:
        return entry
    name = f"{entry.provider.distribution}:{entry.name}"
    kind = entry.kind if isinstance(entry, Entry) else "command"
    notes.append(f"{kind} '{entry.name}' is already provided by {holder.provider}; this one goes by '{name}'")
    return replace(entry, name=name)


@dataclass
class Registry:
    """Everything that the working plugins registered."""

    plugins: list[Plugin] = field(default_factory=list)
    parts: dict[tuple[str, str], Entry] = field(default_factory=dict)
    commands: dict[str, CommandEntry] = field(default_factory=dict)
    spec_folders: list[tuple[Path, Provider]] = field(default_factory=list)
    model_folders: list[tuple[Path, Provider]] = field(default_factory=list)
    law_modules: list[tuple[str, Provider]] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    kernels: dict[str, tuple[KernelEntry, ...]] = field(default_factory=dict)
    """By name, in the order in which they are asked: those of the distribution that came last first."""

    def add(self, register: Register) -> Addition:
        """Take in all that one plugin registered. What has a name that is taken goes by `distribution:name`.

        Raises:
            PluginError: the distribution has already taken that name as well; nothing is taken in.
        """
        notes: list[str] = []
        parts = [_named(entry, self.parts.get(key), notes) for key, entry in register.parts.items()]
        commands = [_named(entry, self.commands.get(name), notes) for name, entry in register.commands.items()]
        for entry in parts:
            if (entry.kind, entry.name) in self.parts:
                raise PluginError(f"{entry.kind} '{entry.name}' is already provided by {entry.provider}")
        for command in commands:
            if command.name in self.commands:
                raise PluginError(f"command '{command.name}' is already provided by {command.provider}")
        self.parts.update({(entry.kind, entry.name): entry for entry in parts})
        self.commands.update({command.name: command for command in commands})
        for name in dict.fromkeys(entry.name for entry in register.kernels):
            mine = tuple(entry for entry in register.kernels if entry.name == name)
            self.kernels[name] = (*mine, *self.kernels.get(name, ()))
        self.spec_folders += [(folder, register.provider) for folder in register.spec_folders]
        self.law_modules += [(module, register.provider) for module in register.law_modules]
        self.model_folders += [(folder, register.provider) for folder in register.model_folders]
        return Addition(tuple(parts), tuple(commands), tuple(notes))

    @cached_property
    def specs(self) -> dict[str, Shipped]:
        """The specs that come with the packages, by name."""
        return _shipped(self.spec_folders, "*.yaml")

    @cached_property
    def pretrained(self) -> dict[str, Shipped]:
        """The trained models that come with the packages, by name."""
        return _shipped(self.model_folders, "*/meta.json")

    def find(self, kind: str, name: str) -> Entry | None:
        """The part of that kind and name; None where there is none."""
        return self.parts.get((kind, name))

    def of_kind(self, kind: str) -> list[Entry]:
        """All parts of one kind, by name."""
        return sorted((entry for entry in self.parts.values() if entry.kind == kind), key=lambda entry: entry.name)

    def named(self, name: str) -> list[Entry]:
        """All parts of one name, of any kind."""
        return [entry for entry in self.parts.values() if entry.name == name]

    @property
    def kinds(self) -> list[str]:
        """Every kind that has a part, in order of registration."""
        return list(dict.fromkeys(kind for kind, _ in self.parts))

    @property
    def failed(self) -> list[Plugin]:
        """The plugins that are disabled."""
        return [plugin for plugin in self.plugins if plugin.failure]


def _shipped(folders: Iterable[tuple[Path, Provider]], pattern: str) -> dict[str, Shipped]:
    """What the files of a pattern stand for: each itself, or the folder that a `meta.json` marks as a model."""
    found: dict[str, Shipped] = {}
    for folder, provider in folders:
        paths = (path.parent if path.name == "meta.json" else path for path in folder.glob(pattern))
        for path in sorted(paths, key=lambda path: path.stem):
            name = path.stem if path.stem not in found else f"{provider.distribution}:{path.stem}"
            found[name] = Shipped(name, path, provider)
    return found


def registry_of(registers: Iterable[Register]) -> Registry:
    """A registry of the given parts only, without looking for plugins; for tests."""
    registry = Registry()
    for register in registers:
        registry.add(register)
    return registry
