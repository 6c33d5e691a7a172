"""Every error that a command ends with: a text and exit code 2, never a traceback. `failures` makes them of others."""

from collections.abc import Sequence
from dataclasses import dataclass

from gnm_core.printable import NAME, message, short


class GnmError(Exception):
    """Base of the errors that are the user's to mend; its text is the whole message.

    Whatever a message quotes, it stays short and can be printed: see `gnm_core.printable`.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(message(text))


class OptionError(GnmError, ValueError):
    """An option of a part is out of range or does not fit the others.

    Raised by a part's constructor; the composer adds the spec path, line and column.

    Args:
        option: name of the constructor argument at fault, such as `"steps"`.
        reason: what is wrong and what would be right, without the option's name.
    """

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")
        self.option = option
        self.reason = reason


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a spec, and where."""

    message: str
    """What is wrong, with the offending value and what was expected."""
    path: str = ""
    """Dotted place in the spec, such as `model.core.steps`; empty for the file as a whole."""
    line: int | None = None
    """Line in the file, from 1."""
    column: int | None = None
    """Column in the file, from 1."""
    source: str | None = None
    """The file, or `--set` where the value came from the command line."""
    hint: str | None = None
    """A suggestion: a near name, the package to install, the alternatives."""

    def __str__(self) -> str:
        """`file:line:column: path: message`, the hint on a line of its own."""
        place = ":".join(str(p) for p in (self.source, self.line, self.column) if p is not None)
        head = ": ".join(p for p in (place, short(self.path, 2 * NAME)) if p)
        text = f"{head}: {self.message}" if head else self.message
        return f"{text}\n    {self.hint}" if self.hint else text


class SpecError(GnmError):
    """A spec has problems; all of them are listed at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)


class PluginError(GnmError):
    """A plugin registered something that cannot be used (a name twice, no such class, not a part)."""


class PartError(GnmError):
    """A part raised something that it should not; the text names the part, who provides it, and what it raised."""


class ShortageError(GnmError):
    """What was asked for needs more memory than there is; the text says how much, where that is known."""


class InternalError(GnmError):
    """A fault of our own; the text says what to report."""


class RunError(GnmError):
    """A run folder cannot be written, read or resumed."""


class DataError(GnmError):
    """A data file is missing, broken or of the wrong kind; the text names the file."""


class MetricError(GnmError):
    """A metric cannot be taken: a model's output is not finite, or a package that it needs is missing."""


class EditError(GnmError):
    """A scene cannot be edited like that."""


class FigureError(GnmError):
    """A model, or the pictures at hand, lack what a figure shows; the text says what."""


class OtherVersions(UserWarning):
    """A run's parts come from other versions of their packages, or states of their files, than when it was trained."""
