"""Where every command ends: whatever was raised becomes text; what nobody expected leaves its traceback in a file."""

import os
import platform
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import click

from gnm_core.errors import GnmError, InternalError, PartError, ShortageError
from gnm_core.printable import printable

LONGEST = 20_000
"""Characters of a message; the rest helps nobody."""
_CLICKS = (click.ClickException, click.exceptions.Exit, BrokenPipeError)
"""What click turns into text and exit codes itself."""


class Failure(click.ClickException):
    """Text on stderr and an exit code."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the text."""
        click.echo(self.message, err=True)


@contextmanager
def boundary() -> Iterator[None]:
    """Lets nothing through but what click understands.

    Raises:
        Failure: whatever else was raised, in words.
        Exit: Ctrl-C, or the end of what somebody types.
    """
    try:
        yield
    except _CLICKS:
        raise
    except (click.Abort, KeyboardInterrupt):
        click.echo("\naborted", err=True)
        raise click.exceptions.Exit(128 + signal.SIGINT) from None
    except BaseException as error:
        from gnm_core.failures import owner_of, told

        if isinstance(error, SystemExit) and owner_of(error) is None:
            raise  # a command's own way to end
        raise Failure(_message(told(error), error)) from error


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Warnings that are meant for users are a line on stderr."""
    from gnm_core.errors import OtherVersions

    with warnings.catch_warnings():
        before = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, OtherVersions):
                click.echo(f"gnm: {printable(str(message))}", err=True)
            else:
                before(message, category, *where, **more)

        warnings.simplefilter("always", OtherVersions)
        warnings.showwarning = show
        yield


def _message(error: GnmError, raised: BaseException) -> str:
    text = printable(str(error))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} ... [{len(text) - LONGEST:,} more characters]"
    if not isinstance(error, PartError | ShortageError | InternalError):
        return text
    kept = _keep(raised)
    trace = f"The traceback is kept in {kept}" if kept else "The traceback cannot be kept: there is no folder for it"
    if isinstance(error, PartError):
        return f"{text}\n{trace}, for whoever wrote the part."
    if isinstance(error, ShortageError):
        return f"{text}\n{trace}."
    return (
        f"{text}\nThis is a fault of gnm itself. {trace}: please report it, with that file and the command, "
        "where you have gnm from."
    )


def _keep(error: BaseException) -> str | None:
    """Write the traceback with what a report needs; its path, or None where it cannot be written."""
    try:
        handle, path = tempfile.mkstemp(prefix="gnm-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{_circumstances()}\n\n{_trace(error)}")
    except OSError:
        return None
    return path


def _circumstances() -> str:
    torch = sys.modules.get("torch")
    versions = [f"gnm-core {version('gnm-core')}", f"Python {platform.python_version()}", platform.platform()]
    versions += [f"torch {torch.__version__}"] if torch is not None else []
    return f"gnm {' '.join(map(repr, sys.argv[1:]))}\n{', '.join(versions)}"


def _trace(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # an exception that cannot be shown: where it was raised is left
        return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
