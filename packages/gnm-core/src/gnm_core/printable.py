"""Text from outside (names in files, messages of other people's code) as a terminal and a reader can bear it."""

LONG = 300
"""Characters of one quoted text."""


def printable(text: str) -> str:
    """The text with every character escaped that could move a cursor or cannot be shown; line breaks stay."""
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(text: str, most: int = LONG) -> str:
    """Its beginning and its end, with how much is left out between them; printable, on one line."""
    line = printable(" ".join(text.split()))
    if len(line) <= most:
        return line
    head, tail = most * 2 // 3, most // 3
    return f"{line[:head]} ... [{len(line) - head - tail:,} characters] ... {line[-tail:]}"


def said_by(error: BaseException) -> str:
    """`KeyError: 'x'` on one short line, even of an exception that cannot say what it is."""
    kind = short(type(error).__name__, 80)
    try:
        text = short(str(error))
    except BaseException as second:  # __str__ is the code of whoever wrote the exception
        return f"{kind} (whose text cannot be had: {short(type(second).__name__, 80)})"
    return f"{kind}: {text}" if text else kind
