"""`gnm new plugin`: the folder of a new plugin."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from gnm_core.new_plugin import KINDS, new_plugin


def _kinds(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)]


@click.group()
def new() -> None:
    """Write the folder of something new.

    \b
    gnm new plugin my-priors --kind prior
    """


@new.command(short_help="A plugin: a part, its test, a spec, a README.")
@click.argument("package")
@click.option("--kind", required=True, shell_complete=_kinds, help=f"Of its part: {', '.join(KINDS)}.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The folder to write; by default PACKAGE, here.")
def plugin(package: str, kind: str, folder: Path | None) -> None:
    """Write a plugin PACKAGE, such as my-priors: a working part, its registration, its test, a spec and a README.

    \b
    gnm new plugin my-priors --kind prior
    gnm new plugin my-metrics --kind metric --dir work/my-metrics
    """
    folder = folder or Path(package)
    for path in new_plugin(package, kind, folder):
        click.echo(str(path))
    click.echo(f"pip install -e {folder}, then: gnm check {package}")
