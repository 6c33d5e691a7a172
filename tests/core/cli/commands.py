"""Every command of the program, nested ones too."""

from collections.abc import Iterator
from functools import cache

import click
from gnm_core.cli import main


@cache
def every_command() -> tuple[tuple[str, click.Command], ...]:
    """(`gnm data show`, the command), groups included."""
    return tuple(_below("gnm", main))


def misunderstood(words: list[str]) -> str | None:
    """What is wrong with a command line, without what only running it would show; None where nothing is."""
    commands = dict(every_command())
    command, path, rest = commands["gnm"], "gnm", words[1:]
    context = click.Context(command, info_name="gnm")
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        path = f"{path} {rest[0]}"
        if path not in commands:
            return f"there is no {path}"
        command, rest = commands[path], rest[1:]
        context = click.Context(command, info_name=path.split()[-1], parent=context)
    try:
        values, further, _ = command.make_parser(context).parse_args(list(rest))
    except click.UsageError as error:
        return error.format_message()
    if further:
        return f"{further} is too much"
    if values.get("help"):
        return None
    needed = [p.name for p in command.params if p.required and p.name not in values]
    return f"lacks {needed}" if needed else None


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _below(f"{path} {name}", inner)
