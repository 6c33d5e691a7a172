"""`gnm plugins`: the packages that provide parts, and those that are disabled."""

from itertools import groupby
from typing import Any

import click

from gnm_core.cli.layout import wrapped
from gnm_core.cli.output import print_json
from gnm_core.plugins import installed
from gnm_core.registry import Plugin


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--traceback", is_flag=True, help="Show where a plugin failed.")
def plugins(as_json: bool, traceback: bool) -> None:
    """List the packages that provide parts: their versions, what they added, and why any is disabled.

    \b
    gnm plugins
    gnm plugins --traceback
    """
    found = installed().plugins
    if as_json:
        print_json([_as_data(plugin) for plugin in found])
        return
    for plugin in found:
        click.echo(click.style(str(plugin.provider), bold=True) + f"  ({plugin.target})")
        if plugin.failure:
            click.echo(wrapped(plugin.failure, "  disabled: ", 4))
            if traceback and plugin.traceback:
                click.echo("".join(f"    {line}\n" for line in plugin.traceback.splitlines()), nl=False)
            continue
        if plugin.off:
            click.echo("  turned off")
        for note in plugin.notes:
            click.echo(wrapped(note, "  note: ", 4))
        for kind, names in _by_kind(plugin).items():
            click.echo(wrapped(", ".join(names), f"  {kind}: ", 4))
        if plugin.commands:
            click.echo(wrapped(", ".join(command.name for command in plugin.commands), "  commands: ", 4))
        if plugin.kernels:
            click.echo(wrapped(", ".join(_kernels(plugin)), "  kernels: ", 4))
        if plugin.hooks:
            click.echo(f"  hooks: {', '.join(plugin.hooks)}")


def _by_kind(plugin: Plugin) -> dict[str, list[str]]:
    entries = sorted(plugin.parts, key=lambda entry: entry.kind)
    return {kind: [entry.name for entry in group] for kind, group in groupby(entries, key=lambda entry: entry.kind)}


def _kernels(plugin: Plugin) -> list[str]:
    return list(dict.fromkeys(entry.name for entry in plugin.kernels))


def _as_data(plugin: Plugin) -> dict[str, Any]:
    return {
        "package": plugin.provider.distribution,
        "version": plugin.provider.version,
        "entry_point": plugin.target,
        "parts": _by_kind(plugin),
        "commands": [command.name for command in plugin.commands],
        "kernels": _kernels(plugin),
        "hooks": list(plugin.hooks),
        "off": plugin.off,
        "notes": list(plugin.notes),
        "failure": plugin.failure,
        "traceback": plugin.traceback,
    }
