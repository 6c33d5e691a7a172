"""The data set that a command line asks for."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from gnm_core.contracts import Data
    from gnm_core.spec import CheckedSpec


def chosen(name: str | None, spec: Path | None, overrides: tuple[str, ...]) -> "CheckedSpec":
    """`dims` and `data` alone, from a spec file or of the data set NAME.

    Raises:
        click.UsageError: neither is given, or both.
        SpecError: the spec has problems.
    """
    from gnm_core.plugins import installed
    from gnm_core.schema import DataSpec
    from gnm_core.spec import load_spec

    if (name is None) == (spec is None):
        raise click.UsageError("Give the NAME of a data set or a --spec, one of them.")
    if spec is not None:
        whole = load_spec(spec, overrides)
        whole.data()  # complains where the spec has none
        return load_spec({key: whole.resolved()[key] for key in ("dims", "data")}, top=DataSpec)
    entry = installed().find("data", str(name))
    kind = cast("type[Data]", entry.load()) if entry else None  # the checker has good words for an unknown name
    channels = (kind and kind.channels) or 3
    return load_spec({"dims": {"channels": channels}, "data": {"use": name}}, overrides, top=DataSpec)
