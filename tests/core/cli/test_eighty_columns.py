"""Every list fits 80 columns, and is free of colour where none is wanted."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.cli.layout import definition, paragraphs, wrapped
from gnm_core.plugins import installed

LISTS = [
    ["specs"],
    ["parts"],
    ["plugins"],
    ["pretrained"],
    ["env"],
    ["compose", "--spec", "mnist-4-64"],
    ["compose", "--spec", "space-mnist-4-64"],
    ["compose", "--spec", "mnist-4-64", "--diff", "mnist-4"],
    ["compose", "--spec", "mnist-4-64", "--origins"],
    ["check", "gnm-core", "--kind", "curriculum"],
    *([["runs"]] if "runs" in installed().commands else []),
]


def shown(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, list(arguments), prog_name="gnm")
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_lists_fit_80_columns_and_nothing_is_cut(arguments: list[str]) -> None:
    text = shown(*arguments)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "…" not in text


def test_every_part_in_full_fits_80_columns() -> None:
    for entry in installed().parts.values():
        lines = shown("parts", entry.kind, entry.name).splitlines()
        assert [line for line in lines if len(line) > 80] == [], f"{entry.kind} {entry.name}"


def test_into_a_pipe_lines_are_whole() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    script = "from gnm_core.cli import main; main(['specs'])"
    text = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment
    ).stdout
    assert len(text.splitlines()) == len(installed().specs) + len({s.provider for s in installed().specs.values()})


def test_a_definition_without_room_beside_its_name_stands_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert definition("a-name", "what it means", 20) == "  a-name\n      what it means"
    assert wrapped("three words here " * 3, "head  ").splitlines()[1].startswith(" " * 6 + "t")


def test_paragraphs_are_filled_and_what_is_indented_or_listed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = "One line,\nanother.\n\nRaises:\n    Error: it is.\n\n* first\n* second"
    assert paragraphs(text) == "One line, another.\n\nRaises:\n    Error: it is.\n\n* first\n* second"


def on_a_terminal(*arguments: str, **setting: str) -> str:
    """What the program writes onto a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "gnm_core", *arguments], stdin=theirs, stdout=theirs, env={**plain, **setting}
    ) as program:
        os.close(theirs)
        seen = bytearray()
        with suppress(OSError):  # Linux: the end of a terminal
            while data := os.read(ours, 4096):
                seen.extend(data)
    os.close(ours)
    assert program.returncode == 0
    return seen.decode()


@pytest.mark.parametrize("arguments", [["parts", "schedule"], ["compose", "--spec", "gnm-64"]], ids=" ".join)
@pytest.mark.parametrize(
    ("setting", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colour_unless_it_wants_none(
    arguments: list[str], setting: dict[str, str], coloured: bool
) -> None:
    text = on_a_terminal(*arguments, **setting)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]m", text) or "\x1b[1m" in text) == coloured
    assert coloured or "\x1b" not in text
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert [line for line in bare.splitlines() if len(line) > 80] == []
