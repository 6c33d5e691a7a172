"""From a spec to a model, in one call."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from gnm_core.contracts import Model
from gnm_core.spec import CheckedSpec, load_spec


def compose(source: str | Path | Mapping[str, object] | CheckedSpec, overrides: Iterable[str] = ()) -> Model:
    """The model that a spec describes, with freshly drawn weights (from torch's global random state).

    Args:
        source: a spec file, a mapping, or a spec that is already loaded.
        overrides: `path=value` texts, as the command line's `--set`.

    Raises:
        SpecError: the spec has problems; all of them at once.

    Example:
        model = gnm_core.compose("mnist-4")
        scene = model.sample(50)
    """
    spec = source if isinstance(source, CheckedSpec) else load_spec(source, overrides)
    return spec.model()
