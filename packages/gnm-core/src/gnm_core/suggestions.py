"""Near names for mistyped ones."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, if any is."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A question to put after an error; None where nothing is near."""
    near = closest(name, known)
    return f"did you mean '{near}'?" if near else None
