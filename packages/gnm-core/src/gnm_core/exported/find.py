"""A shipped or exported model, by name or folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from gnm_core.runs.find import find

if TYPE_CHECKING:
    from gnm_core.runs.checkpoint import Run


def pretrained(source: str | Path) -> "Run":
    """A shipped model, or one that was exported: its model on the CPU in evaluation mode, its spec, its steps.

    Args:
        source: a name that `gnm pretrained` lists, or a folder.

    Raises:
        RunError: there is no such model, or its files are damaged.
        SpecError: the spec names parts that are not installed.
    """
    from gnm_core.runs.checkpoint import load_run

    return load_run(find(source))


def load(source: str | Path, step: int | str | None = None) -> "Run":
    """A trained model: on the CPU in evaluation mode, with its spec and its steps.

    Args:
        source: a run's folder, one of its checkpoints, what `gnm export` made, or a name that `gnm pretrained` lists.
        step: which checkpoint of a run, or `best`; the newest by default.

    Raises:
        RunError: there is no such model or checkpoint, or its files are damaged.
        SpecError: the spec names parts that are not installed.
    """
    from gnm_core.runs.checkpoint import load_run

    return load_run(find(source), step)
