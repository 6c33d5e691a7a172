"""`--plugin FILE` and `--without PLUGIN`, which stand behind any command and are obeyed before it is looked up."""

from pathlib import Path

import click

from gnm_core.cli.completing import packages
from gnm_core.errors import PluginError

PLUGIN = click.Option(
    ["--plugin"],
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    expose_value=False,
    help="Execute this file for its parts; may be given again.",
)
WITHOUT = click.Option(
    ["--without"],
    multiple=True,
    metavar="PLUGIN",
    expose_value=False,
    shell_complete=packages,
    help="Leave out what this package provides; may be given again.",
)


def with_plugin_options(command: click.Command) -> click.Command:
    """The command with both options in its help."""
    if not isinstance(command, click.Group):
        command.params += [option for option in (PLUGIN, WITHOUT) if option not in command.params]
    return command


def take_plugin_options(ctx: click.Context, args: list[str]) -> list[str]:
    """Obey both options until the context closes; while a shell completes a line, nothing on it is wrong yet.

    Returns:
        The other arguments.

    Raises:
        PluginError: a file cannot be used, or there is no such plugin.
        UsageError: an option lacks its value.
    """
    left: list[str] = []
    found: dict[str, list[str]] = {"--plugin": [], "--without": []}
    waiting = iter(args)
    for arg in waiting:
        name, equals, value = arg.partition("=")
        if arg == "--":
            left += [arg, *waiting]
        elif name not in found:
            left.append(arg)
        else:
            value = value if equals else next(waiting, "")
            if not value and not ctx.resilient_parsing:
                raise click.UsageError(f"Option '{name}' requires an argument.", ctx)
            found[name] += [value] if value else []
    if found["--without"]:
        from gnm_core.plugins import without

        try:
            ctx.with_resource(without(found["--without"]))
        except PluginError:
            if not ctx.resilient_parsing:
                raise
    for file in () if ctx.resilient_parsing else found["--plugin"]:  # Tab executes nothing
        from gnm_core.plugin_files import load_plugin_file

        load_plugin_file(Path(file))
    return left
