"""What every kind of part is: a class under a contract, for a slot that names it by its kind."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Default:
    """Marks a slot with the part that the composer builds when the spec leaves the slot out.

    Args:
        name: registered name of the part.
        options: its options, as they would stand in a spec.
    """

    name: str
    options: tuple[tuple[str, object], ...] = ()

    def __init__(self, name: str, **options: object) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "options", tuple(options.items()))


@dataclass(frozen=True)
class Recorded:
    """Marks an option that came later, or whose default has changed: what recorded specs mean without it.

    Args:
        value: as it would stand in a spec.
    """

    value: object


@dataclass(frozen=True)
class InSteps:
    """Marks an option that counts steps of a training: a plan that is fitted to a machine shortens it with the rest."""


class Contract(ABC):
    """Base of every kind of part. `kind` is the name that the registry has it under."""

    kind: ClassVar[str]
    describes: ClassVar[str]
    """One line: what parts of this kind do, for `gnm parts` and for errors."""
