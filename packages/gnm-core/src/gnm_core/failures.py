"""What an exception becomes before a user reads it: a part's fault, the machine's, or our own. Decided here alone.

Nothing is wrapped for it: a part is found by walking the traceback, from where it broke up to the first part's method.
"""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from gnm_core.errors import GnmError, InternalError, PartError, RunError, ShortageError
from gnm_core.printable import said_by, short
from gnm_core.registry import Provider

_MARK = "_gnm_owner"
_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENXIO, errno.EBADF)
"""What the system says of an output that cannot be written, without a name."""
_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "Unable to allocate")


@dataclass(frozen=True)
class Owner:
    """Who answers for a piece of code."""

    what: str
    """`encoder 'conv'`, or `plugin 'name'` for code outside of parts."""
    provider: Provider
    place: str = ""
    """Where a spec asks for it: `file:line:column: model.encoder`; empty where none does."""

    def __str__(self) -> str:  # noqa: D105 (what errors call it)
        return f"{self.place}: {self.what} ({self.provider})" if self.place else f"{self.what} ({self.provider})"


def mark(part: object, owner: Owner) -> None:
    """Note on a part who answers for it; copies of the part keep the note."""
    with suppress(AttributeError, TypeError):  # a class with slots has no room for it
        object.__setattr__(part, _MARK, owner)


@contextmanager
def blamed(doing: str = "", still_safe: str = "") -> Iterator[None]:
    """Whatever is raised inside leaves as an error of ours.

    Args:
        doing: what was being done, such as `step 5`.
        still_safe: what is still safe.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # of parts: SystemExit and what test frameworks raise are no end of ours
        raise told(error, doing, still_safe) from error


def told(error: BaseException, doing: str = "", still_safe: str = "") -> GnmError:
    """What an exception means to a user. An error of ours stays what it is, with both added.

    Args:
        error: what was raised.
        doing: what was being done, such as `step 5`.
        still_safe: what is still safe.
    """
    before, after = (f"{doing}: " if doing else ""), (f"\n{still_safe}" if still_safe else "")
    if isinstance(error, GnmError):
        text = str(error)
        error.args = (f"{'' if text.startswith(doing) else before}{text}{after}",)
        return error
    said, owner = said_by(error), owner_of(error)
    whose = f"{owner}: " if owner else ""
    if isinstance(error, MemoryError) or any(text in said for text in _MEMORY):
        return ShortageError(f"{before}{whose}the memory does not suffice: {said}{after}")
    if owner is not None:
        return PartError(f"{before}{owner} fails: {said} ({_where(error)}){after}")
    if isinstance(error, OSError) and error.filename is not None:
        return RunError(f"{before}{short(str(error.filename))}: {error.strerror or said}{after}")
    if isinstance(error, OSError) and error.errno in _OUTPUT:
        return RunError(f"{before}cannot write: {error.strerror or said}{after}")
    return InternalError(f"{before}{said} ({_where(error)}){after}")


def owner_of(error: BaseException) -> Owner | None:
    """Whose code raised it: the innermost part at work, else the plugin whose module it is; None for our own code."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        owner = _part_in(frame)
        if owner is not None:
            return owner
    for frame in reversed(frames):
        owner = _plugin_of(frame)
        if owner is not None:
            return owner
    return None


def _part_in(frame: FrameType) -> Owner | None:
    """The part whose method the frame is."""
    return owner_of_part(frame.f_locals.get("self"))


def owner_of_part(thing: object) -> Owner | None:
    """Who answers for a part; None for what is no registered part."""
    contracts = sys.modules.get("gnm_core.contracts")
    if contracts is None or not isinstance(thing, contracts.Contract):
        return None
    noted = getattr(thing, "__dict__", {}).get(_MARK)
    return noted if isinstance(noted, Owner) else _owner_of_class(type(thing))


def _owner_of_class(cls: type[Any]) -> Owner | None:
    from gnm_core.plugins import installed

    targets = (f"{cls.__module__}:{cls.__qualname__}", cls)
    for entry in installed().parts.values():
        if entry.target in targets:
            return Owner(f"{entry.kind} '{entry.name}'", entry.provider)
    return None


def _plugin_of(frame: FrameType) -> Owner | None:
    from gnm_core.offers import our_packages
    from gnm_core.plugins import installed

    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    for plugin in installed().plugins:
        if (
            plugin.target.partition(":")[0].partition(".")[0] == package
            and plugin.provider.distribution not in our_packages()
        ):
            return Owner(f"plugin '{plugin.name}'", plugin.provider)
    return None


def _where(error: BaseException) -> str:
    """`conv.py, line 12`: where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "nowhere"
