"""`gnm new plugin`: the folder of a new plugin."""

from pathlib import Path

import click

from gnm_core.new_plugin import KINDS, new_plugin


@click.group()
def new() -> None:
    """Write the folder of something new."""


@new.command()
@click.argument("package")
@click.option("--kind", required=True, help=f"Of its part: {', '.join(KINDS)}.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The folder to write; by default PACKAGE, here.")
def plugin(package: str, kind: str, folder: Path | None) -> None:
    """Write a plugin PACKAGE, such as my-priors: a working part, its registration, its test, a spec and a README."""
    folder = folder or Path(package)
    for path in new_plugin(package, kind, folder):
        click.echo(str(path))
    click.echo(f"pip install -e {folder}, then: gnm check {package}")
