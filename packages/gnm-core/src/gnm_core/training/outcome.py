"""How a training ended."""

from dataclasses import dataclass
from pathlib import Path

from gnm_core.diagnosis.rules import Finding


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    step: int
    """Steps made in all."""
    total: int
    """Steps that the spec asks for."""
    checkpoint: Path
    """The last checkpoint."""
    picture: Path | None
    """The last picture; None if none was drawn."""
    received: int | None
    """The signal that stopped it; None for its own end."""
    leads: bool
    """This process is the one that writes and speaks."""
    stopped: str | None = None
    """Why a hook asked for the end; None where none did."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with the model, as far as its pictures show."""
