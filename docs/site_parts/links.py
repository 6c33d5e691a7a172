"""Links that a forge understands, understood by Sphinx as well; documents that the start page does not name yet."""

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

LINK = re.compile(r"(?<!!)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
FURTHER = "<!-- documents that are named nowhere above -->"


def to_files(app: Sphinx, name: str, source: list[str]) -> None:
    """A link to a folder leads to its README, or to nothing at all where it has none."""
    here = Path(app.srcdir, name).parent

    def led(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        if not (here / target).is_dir():
            return match[0]
        return f"]({target.rstrip('/')}/README.md{anchor})" if (here / target / "README.md").is_file() else "]"

    source[0] = LINK.sub(led, source[0])


def name_the_others(app: Sphinx, name: str, source: list[str]) -> None:
    """Put every document of docs/ that the start page forgets at its end, so that none is lost."""
    if name != app.config.root_doc or FURTHER not in source[0]:
        return
    docs = Path(app.srcdir, name).parent
    known = set(re.findall(r"^(?:.*<)?([\w./-]+?)(?:\.md)?>?$", source[0], re.MULTILINE))
    others = sorted(path.stem for path in docs.glob("*.md") if path.stem not in {*known, "index"})
    listed = "\n".join(others)
    tree = f"```{{toctree}}\n:hidden:\n:caption: More\n\n{listed}\n```" if others else ""
    source[0] = source[0].replace(FURTHER, tree)


def lead_home(app: Sphinx, error: Exception | None) -> None:
    """The folder's own start page leads to that of the documents."""
    if error is None and app.builder.format == "html":
        start = os.fspath(Path(f"{app.config.root_doc}.html"))
        head = f'<meta charset="utf-8"><title>gnm</title><meta http-equiv="refresh" content="0;url={start}">'
        page = f'<!doctype html>{head}<a href="{start}">gnm</a>\n'
        Path(app.outdir, "index.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", name_the_others)
    app.connect("source-read", to_files)
    app.connect("build-finished", lead_home)
    return {"parallel_read_safe": True}
