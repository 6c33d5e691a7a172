"""Text that fits: wrapped to a terminal, whole lines into a pipe, and no colour where none is wanted."""

import os
import shutil
import sys
import textwrap

WHOLE = 100_000
"""Columns of a pipe: whoever reads one wants whole lines."""
_NARROWEST = 40


def columns() -> int:
    """How many columns a line may have: the terminal's, or what `COLUMNS` says; without either, as many as it needs."""
    said = os.environ.get("COLUMNS", "")
    terminal = sys.stdout is not None and sys.stdout.isatty()  # None where the caller has closed it
    if not (terminal or (said.isdecimal() and int(said))):
        return WHOLE
    return max(shutil.get_terminal_size().columns, _NARROWEST)


def plain_wanted() -> bool:
    """Whether output is to have no colour even on a terminal: https://no-color.org, or a terminal that knows none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def wrapped(text: str, head: str = "", hanging: int | None = None) -> str:
    """`text` after `head`, wrapped, with what follows the first line below its beginning, or `hanging` columns in."""
    indent = " " * (len(head) if hanging is None else hanging)
    lines = textwrap.wrap(
        text, columns(), initial_indent=head, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) or head.rstrip()


def definition(name: str, text: str, wide: int) -> str:
    """A name in a column of its own, two in, with what it means beside it; below it where there is too little room."""
    if columns() - wide - 4 < 30:
        return "\n".join(part for part in (f"  {name}", wrapped(text, " " * 6) if text else "") if part)
    return wrapped(text, f"  {name:<{wide}}  ", wide + 4)


def paragraphs(text: str) -> str:
    """A docstring, wrapped: each of its paragraphs anew, lines that are indented or items of a list each by itself."""
    lines: list[str] = []
    joined = False
    for line in text.splitlines():
        own = not line.strip() or line[0].isspace() or line.startswith(("* ", "- "))
        if lines and joined and not own:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
        joined = not own
    return "\n".join(wrapped(line.strip(), line[: len(line) - len(line.lstrip())]) for line in lines)
