"""`gnm specs`: the specs that come with the packages."""

from typing import Any

import click

from gnm_core.cli.completing import spec_names
from gnm_core.cli.layout import definition
from gnm_core.cli.output import print_json
from gnm_core.errors import GnmError
from gnm_core.plugins import installed
from gnm_core.registry import Shipped
from gnm_core.suggestions import did_you_mean


@click.command()
@click.argument("name", required=False, shell_complete=spec_names)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def specs(name: str | None, as_json: bool) -> None:
    """List the specs that come with the packages, or print one as its file has it.

    \b
    gnm specs
    gnm specs mnist-4-64

    Each can be named wherever a spec file can: gnm train --spec mnist-4-64, or base: mnist-4-64 in a spec of yours.
    """
    entries = _selected(name)
    if as_json:
        print_json([_as_data(entry) for entry in entries])
    elif name is not None:
        click.echo(f"# {entries[0].path}\n{_text(entries[0])}", nl=False)
    else:
        wide = max((len(entry.name) for entry in entries), default=0)
        packages = dict.fromkeys(entry.provider for entry in entries)
        for package in packages:
            click.echo(click.style(str(package), bold=True))
            for entry in entries:
                if entry.provider == package:
                    click.echo(definition(entry.name, _about(entry), wide))


def _selected(name: str | None) -> list[Shipped]:
    known = installed().specs
    if name is None:
        return list(known.values())
    if name not in known:
        raise GnmError(f"no installed package ships a spec '{name}'; {did_you_mean(name, known) or 'gnm specs'}")
    return [known[name]]


def _text(entry: Shipped) -> str:
    try:
        return entry.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GnmError(f"{entry.path}: cannot be read: {error}") from None


def _about(entry: Shipped) -> str:
    """The comment that the file begins with."""
    first, _, _ = _text(entry).partition("\n")
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _as_data(entry: Shipped) -> dict[str, Any]:
    return {
        "name": entry.name,
        "package": entry.provider.distribution,
        "version": entry.provider.version,
        "file": str(entry.path),
        "about": _about(entry),
    }
