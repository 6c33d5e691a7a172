"""What a command prints, whatever the output can encode, and whether or not anybody reads it."""

import json
import sys
from typing import Any

import click


def print_json(data: object, indent: int = 2) -> None:
    """Print JSON: as it reads best, or in ASCII where the output cannot encode it or a file name is not UTF-8."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(data, indent=indent)
    click.echo(text)


def print_whatever_comes() -> None:
    """Let stdout and stderr escape what they cannot encode, rather than end the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
