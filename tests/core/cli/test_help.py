"""The help of every command: an example that the command understands, in 80 columns, and nothing cut."""

import shlex
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from gnm_core.cli import main

sys.path.insert(0, str(Path(__file__).parent))
from commands import every_command, misunderstood

COMMANDS = dict(every_command())


def help_of(path: str) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, [*path.split()[1:], "--help"], prog_name="gnm")
    assert result.exit_code == 0, result.output
    return result.output


def examples(path: str) -> list[list[str]]:
    """The words of every example, without what the shell does with it."""
    blocks = (COMMANDS[path].help or "").split("\b\n")[1:]
    lines = [line.strip() for block in blocks for line in block.split("\n\n")[0].splitlines()]
    split = [shlex.split(line, comments=True) for line in lines if line.startswith("gnm ")]
    return [words[: words.index(">")] if ">" in words else words for words in split]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_help_has_an_example_of_its_own_command(path: str) -> None:
    assert [words for words in examples(path) if words[: len(path.split())] == path.split()], help_of(path)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_is_understood(path: str) -> None:
    assert [(words, wrong) for words in examples(path) if (wrong := misunderstood(words))] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_help_fits_80_columns_and_nothing_in_it_is_cut(path: str) -> None:
    shown = help_of(path)
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    _, _, commands = shown.partition("\nCommands:\n")
    assert [line for line in commands.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("path", [path for path, command in COMMANDS.items() if not isinstance(command, click.Group)])
def test_every_option_says_what_it_does(path: str) -> None:
    silent = [p.opts for p in COMMANDS[path].params if isinstance(p, click.Option) and not (p.help or p.hidden)]
    assert silent == []
