"""`gnm compose`: the model that a spec describes, as a tree, after one real run of it."""

import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from gnm_core.cli.completing import specs
from gnm_core.cli.layout import columns, wrapped
from gnm_core.cli.options import spec_options
from gnm_core.cli.output import print_json
from gnm_core.errors import GnmError


@click.command()
@spec_options
@click.option(
    "--diff",
    type=click.Path(path_type=Path),
    metavar="SPEC",
    shell_complete=specs,
    help="Show how another spec differs instead.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the spec with everything explicit.")
@click.option("--origins", is_flag=True, help="Show every value and the line, option or default it came from instead.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def compose(
    spec: Path | None, overrides: tuple[str, ...], diff: Path | None, out: Path | None, origins: bool, as_json: bool
) -> None:
    """Print the model that a spec describes, and check it with one real forward pass.

    \b
    gnm compose --spec mnist-4-64
    gnm compose --spec mnist-4 --set model.core.steps=8 --diff mnist-4-8-steps
    gnm compose --spec mine.yaml --origins

    The tree shows each slot, the part that fills it, the package that provides it, the parameters that it learns
    (those of the parts inside it included) and the shape that it returns for a batch of B images.
    """
    from gnm_core.spec import load_spec

    if spec is None:
        raise click.UsageError("Missing option '--spec'.")
    checked = load_spec(spec, overrides)
    if out is not None:
        _write(out, f"# Resolved by gnm-core {version('gnm-core')} from {spec}\n" + checked.to_yaml())
    if diff is not None:
        _print_differences(checked.resolved(), load_spec(diff).resolved(), str(spec), str(diff), as_json)
        return
    if origins:
        _print_origins(checked, as_json)
        return
    import torch

    from gnm_core.inspection import inspect

    torch.set_num_threads(1)  # one small pass: starting more threads costs more than they save
    inspection = inspect(checked)
    if as_json:
        print_json(_finite(_as_data(inspection, checked)))
    else:
        from gnm_core.cli.tree import print_tree

        print_tree(inspection, checked.dims)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GnmError(f"{path}: cannot be written: {error.strerror}") from None


def _as_data(inspection: Any, checked: Any) -> dict[str, Any]:
    return {
        "parameters": inspection.parameters,
        "parts": [
            {
                "path": part.path,
                "kind": part.kind,
                "use": part.name,
                "package": part.provider.distribution,
                "version": part.provider.version,
                "parameters": part.parameters,
                "outputs": part.outputs,
            }
            for part in inspection.parts
        ],
        "providers": checked.providers(),
        "spec": checked.resolved(),
    }


def _finite(data: Any) -> Any:
    """JSON has no infinity; YAML writes it `.inf`."""
    match data:
        case dict():
            return {key: _finite(value) for key, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
        case float() if not math.isfinite(data):
            return ".inf" if data > 0 else "-.inf"
    return data


# Origins


def _print_origins(checked: Any, as_json: bool) -> None:
    from gnm_core.spec.origins import origins

    found = list(origins(checked.tree, checked.given))
    if as_json:
        print_json(_finite([{"path": o.path, "value": o.value, **_place_data(o.place)} for o in found]))
        return
    said = [f"{origin.path}: {_flow(origin.value)}" for origin in found]
    wide = min(max(map(len, said)), 72)
    for text, origin in zip(said, found, strict=True):
        where = "default" if origin.place is None else _where(origin.place)
        styled = click.style(where, dim=origin.place is None)
        if wide + 2 + len(where) <= columns():
            click.echo(f"{text:{wide}}  {styled}")
        else:
            click.echo(f"{wrapped(text, hanging=4)}\n    {styled}")


def _where(place: Any) -> str:
    if place.source is None:
        return "given"
    return ":".join(str(part) for part in (_short(place.source), place.line, place.column) if part is not None)


def _short(source: str) -> str:
    """A shipped spec by its package and name, any other as it was named."""
    from gnm_core.plugins import installed

    shipped = (entry for entry in installed().specs.values() if str(entry.path) == source)
    return next((f"{entry.provider.distribution}:{entry.path.name}" for entry in shipped), source)


def _place_data(place: Any) -> dict[str, object]:
    if place is None:
        return {"from": "default"}
    return {"from": place.source, "line": place.line, "column": place.column}


# Differences


def _print_differences(ours: object, theirs: object, here: str, there: str, as_json: bool) -> None:
    from gnm_core.spec.differences import differences

    found = list(differences(ours, theirs))
    if as_json:
        print_json(_finite([{"path": path, "spec": a, "diff": b} for path, a, b in found]))
        return
    if not found:
        click.echo(f"{here} and {there} describe the same.")
        return
    click.echo(f"- {here}\n+ {there}")
    for path, a, b in found:
        click.echo(click.style(f"{path}:", bold=True))
        click.echo(click.style(wrapped(_flow(a), "  - "), fg="red"))
        click.echo(click.style(wrapped(_flow(b), "  + "), fg="green"))


def _flow(value: object) -> str:
    """On one line, as YAML would have it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)
