"""Where a trained model lies: a folder, or a name that an installed package ships it under."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gnm_core.errors import RunError
from gnm_core.plugins import installed
from gnm_core.printable import quoted
from gnm_core.suggestions import did_you_mean

if TYPE_CHECKING:
    from gnm_core.runs.checkpoint import Run
    from gnm_core.spec import CheckedSpec
    from gnm_core.training.initial_weights import Origin


def find(source: str | Path) -> Path:
    """The folder of a trained model.

    Args:
        source: a folder that `gnm export` made, a run, or the name of a shipped model. A folder that holds a model goes
            before a name; one that does not may be of that name, as the results of a shipped model are.

    Raises:
        RunError: there is neither.
    """
    path = Path(source)
    if any((path / mark).exists() for mark in ("meta.json", "spec.yaml")):
        return path
    known = installed().pretrained
    if (shipped := known.get(str(source))) is not None:
        return shipped.path
    if path.is_dir():
        raise RunError(f"{path}: not a run (no spec.yaml) and not a model (no meta.json)")
    near = did_you_mean(str(source), known)
    have = f"there is {', '.join(known)}" if known else "no installed package ships any"
    raise RunError(f"no pretrained model and no folder {quoted(str(source))}\n    {near or have}; see gnm pretrained")


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


def load(source: str | Path, step: int | None = None) -> "Run":
    """A trained model: on the CPU in evaluation mode, with its spec and its steps.

    Args:
        source: a run's folder, one of its checkpoints, what `gnm export` made, or a name that `gnm pretrained` lists.
        step: which checkpoint of a run; the newest by default.

    Raises:
        RunError: there is no such model or checkpoint, or its files are damaged.
        SpecError: the spec names parts that are not installed.
    """
    from gnm_core.runs.checkpoint import load_run

    return load_run(find(source), step)


def weights_of(source: str | Path, only: Sequence[str] = ()) -> "tuple[Origin, CheckedSpec]":
    """The weights of a run or a shipped model, to begin another training with, and its spec.

    Args:
        source: a run's folder, an exported model's, or a name that `gnm pretrained` lists.
        only: dotted prefixes of what to take; empty for all that fits.

    Raises:
        RunError: there is no such model, or its files are damaged.
    """
    from gnm_core.runs.checkpoint import open_checkpoint
    from gnm_core.training.initial_weights import Origin

    checkpoint = open_checkpoint(find(source))
    sha256 = checkpoint.meta["files"]["model.safetensors"]["sha256"]
    return Origin(str(source), checkpoint.step, sha256, checkpoint.weights(), tuple(only)), checkpoint.spec()
