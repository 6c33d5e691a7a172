"""What the registry holds, and who brought it: parts, commands, kernels, shipped specs and models."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnm_core.errors import PluginError
from gnm_core.references import resolve

if TYPE_CHECKING:
    from gnm_core.contracts import Contract


@dataclass(frozen=True)
class Provider:
    """The installed distribution that a part came from."""

    distribution: str
    version: str

    def __str__(self) -> str:  # noqa: D105 (what errors call it)
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class Entry:
    """One registered part."""

    kind: str
    name: str
    target: "str | type[Contract]"
    """"module:Class", or the class itself."""
    provider: Provider

    def __str__(self) -> str:  # noqa: D105 (what errors call it)
        return f"{self.kind} '{self.name}' of {self.provider}"

    def load(self) -> "type[Contract]":
        """The part's class; imports its module.

        Raises:
            PluginError: there is no such class, or it is not a part of this kind.
        """
        from gnm_core.contracts import Contract

        part = resolve(self.target, str(self))
        if not (isinstance(part, type) and issubclass(part, Contract)):
            raise PluginError(f"{self}: {self.target} is not a part (no subclass of gnm_core.contracts.Contract)")
        if part.kind != self.kind:
            raise PluginError(f"{self}: {part.__name__} is of kind '{part.kind}', registered as '{self.kind}'")
        return part


@dataclass(frozen=True)
class CommandEntry:
    """One command of the `gnm` program."""

    name: str
    target: object
    """"module:command", or the click command itself."""
    help: str
    provider: Provider

    def load(self) -> Any:
        """The click command; imports its module.

        Raises:
            PluginError: it cannot be loaded or is no click command.
        """
        from click import Command

        command = resolve(self.target, f"command '{self.name}' of {self.provider}")
        if not isinstance(command, Command):
            raise PluginError(f"command '{self.name}' of {self.provider}: {self.target} is not a click command")
        return command


@dataclass(frozen=True)
class Shipped:
    """One spec, or one trained model, that a package ships."""

    name: str
    """The file's name without its ending; `package:name` where an earlier package has the name."""
    path: Path
    """A spec's file, or a model's folder."""
    provider: Provider


@dataclass(frozen=True)
class KernelEntry:
    """One kernel: a faster way to compute a formula; see `gnm_core.kernels`."""

    name: str
    """Of the formula."""
    target: object
    """"module:function", or the function or `gnm_core.kernels.Kernel` itself."""
    provider: Provider

    def __str__(self) -> str:  # noqa: D105 (what errors call it)
        return f"kernel '{self.name}' ({self.provider})"

    def load(self) -> Any:
        """The function or `Kernel`; imports its module.

        Raises:
            PluginError: it cannot be loaded.
        """
        return resolve(self.target, str(self))
