"""How reasons are worded."""

from collections.abc import Iterable, Sequence

_SMALL = ("no", "one", "two", "three", "four", "five")


def count(number: int, noun: str) -> str:
    """`no digits`, `one digit`, `11 digits`."""
    amount = _SMALL[number] if number < len(_SMALL) else str(number)
    return f"{amount} {noun}" if number == 1 else f"{amount} {noun}s"


def listing(items: Iterable[object]) -> str:
    """`0, 1 and 4`."""
    words: Sequence[str] = [str(item) for item in items]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
