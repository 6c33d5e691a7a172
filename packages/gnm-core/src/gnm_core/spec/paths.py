"""Paths and texts in a spec, and what to say where YAML reads them as something else."""

import os.path
from pathlib import Path

from gnm_core.printable import quoted
from gnm_core.spec.nodes import Node, Scalar, shown


class NoPath(ValueError):
    """A text that cannot be a path; it says why."""


def path_of(node: Scalar) -> Path:
    """The path that a text means: absolute, relative ones taken from where the text stands.

    Raises:
        NoPath: it is empty, or begins with a home or is in a working directory that does not exist.
    """
    text = str(node.value)
    if not text or "\0" in text:
        raise NoPath(f"{shown(node)} is no path")
    try:
        # Relative to the file that says it, so that a spec works from everywhere.
        return Path(os.path.abspath((node.place.folder or Path.cwd()) / Path(text).expanduser()))
    except RuntimeError:  # ~name of nobody, or ~ without a home
        raise NoPath(f"{shown(node)} begins with a home that is not known here") from None
    except OSError:
        raise NoPath(f"{shown(node)} is relative to the working directory, which is gone") from None


def how_to_quote(node: Node, path: str) -> str | None:
    """What to write where a text was meant and YAML sees a number or the like; None where that cannot be it."""
    if not isinstance(node, Scalar) or isinstance(node.value, str) or node.text is None:
        return None
    text = f'"{node.text}"'
    where = f"--set '{path}={text}'" if node.place.line is None else f"{path.rpartition('.')[2]}: {text}"
    return f"if the text {quoted(node.text)} is meant, put it in quotes: {where}"
