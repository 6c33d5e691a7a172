"""Docstrings here are plain text with `code` in single backticks; reStructuredText wants some of it said otherwise."""

import re

from sphinx.application import Sphinx

MARKED = re.compile(r"(`[^`\n]+`|(?<![\w*])\*\w[\w ]*\*(?![\w*]))")
"""Code, and a word that is stressed."""
SPECIAL = re.compile(r"([*|\\])|(?<=\w)_(?!\w)")
ITEM = re.compile(r"\s*[*-] ")


def as_rst(_app: Sphinx, _what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    """Escape what is no markup, set lists apart from the text above them, and mark examples: colon, gap, indented."""
    written: list[str] = []
    example = False
    for i, line in enumerate(lines):
        if line.strip() and not line.startswith(" "):
            example = False
        if example:
            written.append(line)
            continue
        if line == "Example:":
            example = True
            written += ["Example::", ""]
            continue
        if not line.startswith(" ") and line.endswith(":") and lines[i + 1 : i + 2] == [""]:
            example = lines[i + 2 : i + 3] != [] and lines[i + 2].startswith("    ")
        if ITEM.match(line) and written and written[-1].strip() and not ITEM.match(written[-1]):
            written.append("")
        head, body = (line[: match.end()], line[match.end() :]) if (match := ITEM.match(line)) else ("", line)
        pieces = MARKED.split(body)
        pieces[::2] = [SPECIAL.sub(lambda found: "\\" + found[0], piece) for piece in pieces[::2]]
        pieces[1::2] = [f"`{piece}`" if piece[0] == "`" else piece for piece in pieces[1::2]]
        written.append(head + "".join(pieces) + (":" if example else ""))
    lines[:] = written


def without_nothing(
    _app: Sphinx, what: str, _name: str, _thing: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A contract says nothing of how its parts are made: no `(*args, **kwargs)` of the class above."""
    nothing = what == "class" and signature is not None and re.fullmatch(r"\(\*args.*, \*\*kwargs.*\)", signature)
    return ("" if nothing else signature), returns


def without_old_names(_app: Sphinx, _what: str, _name: str, thing: object, skip: bool, _options: object) -> bool | None:
    """Names that are on their way out are told by the changelog."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Old name") else skip or None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx; before napoleon, which reads the sections."""
    app.connect("autodoc-process-signature", without_nothing)
    app.connect("autodoc-skip-member", without_old_names)
    app.connect("autodoc-process-docstring", as_rst, priority=300)
    return {"parallel_read_safe": True}
