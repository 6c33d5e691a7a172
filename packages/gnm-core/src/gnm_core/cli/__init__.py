"""The `gnm` command. Its subcommands come from the registry and are imported only when run."""

from typing import Any

import click
from click.shell_completion import CompletionItem

from gnm_core.cli.boundary import boundary, plain_warnings
from gnm_core.cli.layout import plain_wanted
from gnm_core.cli.output import print_whatever_comes
from gnm_core.cli.plugin_options import take_plugin_options, with_plugin_options


class Commands(click.Group):
    """Commands by name from the registry; `--help` shows their registered one-liners without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every registered command."""
        from gnm_core.plugins import installed

        return sorted(installed().commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        from gnm_core.plugins import installed

        entry = installed().commands.get(cmd_name)
        return with_plugin_options(entry.load()) if entry else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands by name, without importing them, or the options of `gnm` itself."""
        from gnm_core.plugins import installed

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [CompletionItem(name, help=installed().commands[name].help) for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        from gnm_core.plugins import installed

        with formatter.section("Commands"):
            formatter.write_dl([(name, installed().commands[name].help) for name in self.list_commands(ctx)])

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run as a program."""
        print_whatever_comes()
        return super().main(*arguments, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Turn plugins off and execute plugin files, wherever on the line they are named, before anything else."""
        return super().parse_args(ctx, take_plugin_options(ctx, args))

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the arguments; `--help` runs here."""
        if plain_wanted():
            options.setdefault("color", False)
        with boundary():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever goes wrong in it becomes text."""
        with boundary(), plain_warnings():
            from gnm_core.plugins import installed

            for plugin in installed().plugins:
                if plugin.failure:
                    click.echo(f"gnm: plugin {plugin.provider} is disabled: {plugin.failure}", err=True)
                for note in plugin.notes:
                    click.echo(f"gnm: plugin {plugin.provider}: {note}", err=True)
            return super().invoke(ctx)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"gnm {version('gnm-core')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def main() -> None:
    """Compose, train, sample and judge generative neurosymbolic machines.

    \b
    gnm specs
    gnm train --spec mnist-4-64 --out runs/x
    gnm sample runs/x -n 25 --out samples.png

    gnm COMMAND --help says more about each command.
    """
