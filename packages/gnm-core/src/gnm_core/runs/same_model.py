"""What makes two specs those of one model."""

from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.printable import short
from gnm_core.spec.checked import CheckedSpec
from gnm_core.spec.differences import differences


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


def quoted(value: object) -> str:
    """A spec's value as messages show it."""
    return short(repr(value), 80)
