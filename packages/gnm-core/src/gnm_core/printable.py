"""Text from outside (names in files, messages of other people's code) as a terminal and a reader can bear it."""

import math

LONG = 300
"""Characters of one quoted text."""
NAME = 80
"""Characters of a name or a value."""
WORD, LINE, LINES = 1000, 3000, 100
"""Of a whole message: characters without a space between, characters of a line, and lines."""


def printable(text: str) -> str:
    """The text with every character escaped that could move a cursor or cannot be shown; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(text: str, most: int = LONG) -> str:
    """Its beginning and its end, with how much is left out between them; printable, on one line."""
    return _cut(printable(" ".join(text.split())), most)


def quoted(value: object, most: int = NAME) -> str:
    """`repr` of a value, short, whatever its `__repr__` does."""
    try:
        text = repr(value)
    except Exception:  # __repr__ is the code of whoever wrote the class
        text = f"<a {type(value).__name__} that cannot be shown>"
    return short(text, most)


def said_by(error: BaseException) -> str:
    """`KeyError: 'x'` on one short line, even of an exception that cannot say what it is."""
    kind = short(type(error).__name__, NAME)
    try:
        text = short(str(error))
    except BaseException as second:  # __str__ is the code of whoever wrote the exception
        return f"{kind} (whose text cannot be had: {short(type(second).__name__, NAME)})"
    return f"{kind}: {text}" if text else kind


def message(text: str) -> str:
    """A whole message, whatever it quotes: its words, its lines and their number within bounds; printable."""
    lines = text.split("\n")
    more = len(lines) - LINES
    bounded = [_cut(_cut_words(printable(line)), LINE) for line in lines[: LINES if more > 1 else None]]
    return "\n".join([*bounded, f"... and {more:,} lines more"] if more > 1 else bounded)


def _cut(line: str, most: int) -> str:
    if len(line) <= most:
        return line
    head, tail = most * 2 // 3, most // 3
    return f"{line[:head]} ... [{len(line) - head - tail:,} characters] ... {line[-tail:]}"


def _cut_words(line: str) -> str:
    return (
        line
        if len(line) <= WORD
        else " ".join(_cut(word, LONG) if len(word) > WORD else word for word in line.split(" "))
    )


def several(count: int, noun: str) -> str:
    """`1 object`, `1,200 objects`: for nouns whose plural ends in s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def number(value: float) -> str:
    """Four digits that matter, or the whole part of large numbers: `0.6920`, `10,693`, `24.31`."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 4 if abs(value) < 1 else max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"
