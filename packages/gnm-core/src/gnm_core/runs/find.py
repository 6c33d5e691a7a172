"""Where a trained model lies: a folder, or a name that an installed package ships it under."""

from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.plugins import installed
from gnm_core.printable import quoted
from gnm_core.suggestions import did_you_mean


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
