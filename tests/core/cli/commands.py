"""Every command of the program, nested ones too."""

from collections.abc import Iterator

import click
from gnm_core.cli import main


def every_command() -> Iterator[tuple[str, click.Command]]:
    """(`gnm data show`, the command), groups included."""
    yield from _below("gnm", main)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _below(f"{path} {name}", inner)
