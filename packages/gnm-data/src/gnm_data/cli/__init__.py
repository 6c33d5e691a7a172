"""The `gnm data` command: one subcommand a file, imported when it is asked for."""

from importlib import import_module

import click

SUBCOMMANDS = {
    "build": "gnm_data.cli.build",
    "check": "gnm_data.cli.check",
    "show": "gnm_data.cli.show",
    "verify": "gnm_data.cli.verify",
}
"""Subcommand to the module that holds it under the same name; a new subcommand is a new file and a line here."""


class LazyGroup(click.Group):
    """A group that imports a subcommand's module on first use. Those modules import nothing heavy at the top."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all subcommands."""
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported; None where there is no such name."""
        if cmd_name not in SUBCOMMANDS:
            return None
        command = getattr(import_module(SUBCOMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup)
def data() -> None:
    """Make, look at and check data sets.

    \b
    gnm data show mnist-4 --size 64 --out grid.png
    gnm data build arrow-room --count 20000 --out rooms
    gnm data verify rooms
    """
