"""What makes two specs those of one model."""

from collections.abc import Iterator
from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.printable import short
from gnm_core.spec.checked import CheckedSpec


def require_same_model(checkpoint: CheckedSpec, run: CheckedSpec, where: Path) -> None:
    """See that a checkpoint belongs to a spec's model.

    Raises:
        RunError: sizes or model differ.
    """
    old, new = checkpoint.resolved(), run.resolved()
    for section in ("dims", "model"):
        for path, was, now in differences(old[section], new[section], section):
            raise RunError(
                f"{where} is of another spec: {path} is {quoted(was)} there and {quoted(now)} here; "
                "sizes and model stay what they were"
            )


def differences(old: object, new: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """(path, value then, value now) of all that differs between two resolved specs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{path}.{index}")
    elif old != new or type(old) is not type(new):
        yield path, old, new


def quoted(value: object) -> str:
    """A spec's value as messages show it."""
    return short(repr(value), 80)
