"""`gnm pretrained`: the trained models that come with the packages."""

import json
from typing import Any

import click

from gnm_core.cli.completing import pretrained_names
from gnm_core.cli.layout import wrapped
from gnm_core.cli.output import print_json
from gnm_core.errors import GnmError, RunError
from gnm_core.plugins import installed
from gnm_core.printable import printable, said_by, short
from gnm_core.registry import Shipped
from gnm_core.regular_files import read_file


@click.command()
@click.argument("name", required=False, shell_complete=pretrained_names)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def pretrained(name: str | None, as_json: bool) -> None:
    """List the trained models that come with the packages, or print the card of one.

    \b
    gnm pretrained
    gnm pretrained mnist-4-64
    gnm sample --pretrained mnist-4-64 -n 25 --out samples.png

    Each can be named by --pretrained wherever a command takes a RUN.
    """
    known = installed().pretrained
    if name is not None and name not in known:
        from gnm_core.runs.find import find

        find(name)  # says what there is
        raise RunError(f"{name} is a folder; its card is {name}/README.md")
    entries = list(known.values()) if name is None else [known[name]]
    if as_json:
        print_json([_as_data(entry) for entry in entries])
    elif name is not None:
        click.echo(printable(_text(entries[0], "README.md")), nl=False)
    elif not entries:
        click.echo("no installed package ships a trained model")
    else:
        wide = max(len(entry.name) for entry in entries)
        for entry in entries:
            data = _as_data(entry)
            told = f"{data['megabytes']:4.1f} MB  {data['about']}  ({entry.provider})"
            click.echo(wrapped(told, f"{entry.name:{wide}}  ", wide + 11))


def _text(entry: Shipped, file: str) -> str:
    path = entry.path / file
    try:
        return read_file(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise GnmError(f"{path}: cannot be read: {error}") from None


def _as_data(entry: Shipped) -> dict[str, Any]:
    try:
        meta = json.loads(_text(entry, "meta.json"))
        return {
            "name": entry.name,
            "about": short(str(meta.get("about", ""))),
            "step": int(meta["step"]),
            "megabytes": round(int(meta["files"]["model.safetensors"]["bytes"]) / 1e6, 1),
            "package": entry.provider.distribution,
            "version": entry.provider.version,
            "folder": str(entry.path),
        }
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise GnmError(f"{entry.path / 'meta.json'} is damaged: {said_by(error)}") from None
