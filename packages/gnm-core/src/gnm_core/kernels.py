"""Faster ways to compute a formula: the one seam between a layer and what does the same in fewer passes.

A layer is its formula in plain PyTorch and, before it, at most one call:

    made = kernels.run("celu-norm", self, x)
    return F.group_norm(F.celu(x), 1, self.weight, self.bias) if made is None else made

A *kernel* is a function that is registered under a name (`register.kernel("celu-norm", "package.module:function")`). It
is given what the formula is computed from, and returns the formula's value, or None where it declines: another device,
a kind of number or a size that it is not made for, no compiler. Several may have one name; the first that does not
decline answers, plugins before the built-in ones, and where all decline the formula is computed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from gnm_core.errors import GnmError, PluginError
from gnm_core.offers import our_packages
from gnm_core.plugins import installed
from gnm_core.registry import KernelEntry


@dataclass(frozen=True)
class Kernel:
    """A kernel that says more of itself than a plain function can; registered in its place."""

    run: Callable[..., Any]
    """Answers, or declines with None."""
    why_not: Callable[[torch.device], str | None] = lambda device: None
    """Why it never answers on a device that it is made for, for people; None if it does."""
    variant: Callable[[torch.device], int | str | None] = lambda device: None
    """What the last bits of its answers depend on, on a device; None where it does not answer."""


_formulas_only: ContextVar[bool] = ContextVar("formulas_only", default=False)


@contextmanager
def reference() -> Iterator[None]:
    """Within this context every kernel declines: layers compute their formulas in plain PyTorch."""
    token = _formulas_only.set(True)
    try:
        yield
    finally:
        _formulas_only.reset(token)


def run(name: str, *arguments: Any) -> Any:
    """What the first kernel of that name makes of the arguments; None where there is none or all decline.

    Under `torch.compile` all do: the compiler makes kernels of its own from the formula.
    """
    if torch.compiler.is_compiling() or _formulas_only.get():
        return None
    for kernel in _kernels(name):
        made = kernel(*arguments)
        if made is not None:
            return made
    return None


def why_not(device: torch.device) -> list[str]:
    """Why kernels that are made for this device do not answer on it, for people; empty if all do."""
    return list(dict.fromkeys(reason for _, kernel in _all() if (reason := kernel.why_not(device)) is not None))


def variants(device: torch.device) -> dict[str, int | str]:
    """What the last bits of a computation on this device depend on, by kernel: two trainings differ if these do."""
    found = ((f"{entry.name} of {entry.provider.distribution}", kernel.variant(device)) for entry, kernel in _all())
    return {name: variant for name, variant in found if variant is not None}


def _all() -> list[tuple[KernelEntry, Kernel]]:
    return [(entry, _loaded(entry)) for entries in installed().kernels.values() for entry in entries]


@cache
def _kernels(name: str) -> tuple[Callable[..., Any], ...]:
    return tuple(_named(entry) for entry in installed().kernels.get(name, ()))


@cache
def _loaded(entry: KernelEntry) -> Kernel:
    found = entry.load()
    return found if isinstance(found, Kernel) else Kernel(found)


def _named(entry: KernelEntry) -> Callable[..., Any]:
    """The kernel's function; if it is a plugin's, its faults bear the plugin's name."""
    kernel = _loaded(entry)
    if entry.provider.distribution in our_packages():
        return kernel.run

    def named(*arguments: Any) -> Any:
        try:
            return kernel.run(*arguments)
        except (GnmError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise PluginError(f"{entry} fails: {type(error).__name__}: {error}") from error

    return named
