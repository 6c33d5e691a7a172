"""The bench that a part lies on while laws are tried: builds it as often as asked, always the same."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gnm_core.contract import Contract
from gnm_core.dims import Dims
from gnm_core.errors import DataError, SpecError
from gnm_core.plugins import installed
from gnm_core.registry import Provider, Register, Registry
from gnm_core.spec.build import Builder
from gnm_core.spec.single import checked_part
from gnm_core.spec.tree import Checked

SMALL = Dims(size=32, grid=4, features=8, scene=5, what=6, background=4)
"""Sizes where the author gives none."""


class NotHere(Exception):
    """Raised by a law that says nothing about the part; the text says why."""


class Bench:
    """One part, to be built again and again.

    Args:
        contract: the slot that the part is for.
        part: a registered name, or the class itself.
        dims: sizes.
        options: the part's options, as a spec would give them.
    """

    def __init__(
        self,
        contract: type[Contract],
        part: str | type[Contract],
        dims: Dims | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.contract, self.dims, self.options = contract, dims or SMALL, dict(options or {})
        self._registry, self._name = _shelved(contract, part)

    @property
    def part_class(self) -> type[Contract]:
        """The part's class."""
        entry = self._registry.find(self.contract.kind, self._name)
        if entry is None:
            raise NotHere(f"there is no {self.contract.kind} '{self._name}'")
        return entry.load()

    def build(self, dims: Dims | None = None, *, seed: int = 0, **options: object) -> Any:
        """The part as its constructor makes it.

        Args:
            dims: other sizes.
            seed: of torch's random state before.
            options: other options.

        Raises:
            SpecError: the options do not fit.
        """
        return self.build_from(self.checked(**options), dims, seed=seed)

    def checked(self, **options: object) -> Checked:
        """The part with all its options, checked and not yet built.

        Raises:
            SpecError: the options do not fit.
        """
        return checked_part(self.contract, {"use": self._name, **self.options, **options}, self._registry)

    def build_from(self, tree: Checked, dims: Dims | None = None, *, seed: int = 0) -> Any:
        """The part with these options; else as `build`."""
        builder = Builder(dims or self.dims)
        torch.manual_seed(seed)
        built = builder.build(tree)
        if builder.problems:
            raise SpecError(builder.problems)
        return built

    def part(self, dims: Dims | None = None, **options: object) -> Any:
        """The part in evaluation mode, its parameters moved a little: none hides what lies before it by a zero."""
        built = self.build(dims, seed=0, **options)
        if isinstance(built, nn.Module):
            with torch.no_grad():
                for parameter in built.parameters():
                    parameter.add_(0.02 * torch.randn_like(parameter))
            built.eval()
        return built

    def others(self) -> list[tuple[Dims, Any]]:
        """The part at other sizes, where it accepts them."""
        found, own = [], self.dims
        wider = replace(
            own, features=own.features + 4, scene=own.scene + 1, what=own.what + 1, background=own.background + 2
        )
        for dims in (
            replace(own, size=2 * own.size, grid=2 * own.grid),
            replace(own, size=2 * own.size),
            replace(wider, channels=4 - own.channels if own.channels in (1, 3) else own.channels),
        ):
            with suppress(SpecError, DataError):
                found.append((dims, self.part(dims)))
        return found


def _shelved(contract: type[Contract], part: str | type[Contract]) -> tuple[Registry, str]:
    """The registry and the name to look the part up with."""
    if isinstance(part, str):
        return installed(), part
    register = Register(Provider("under-test", "0"))
    register.part(contract.kind, "under-test", part)
    registry = Registry(list(installed().plugins), dict(installed().parts))
    registry.add(register)
    return registry, "under-test"
