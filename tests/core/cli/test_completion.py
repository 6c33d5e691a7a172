"""Tab in bash, zsh and fish."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.plugins import installed

sys.path.insert(0, str(Path(__file__).parent))
from commands import every_command

EXPECTED = [
    ("gnm tra", "train"),
    ("gnm data sh", "show"),
    ("gnm train --res", "--resume"),
    ("gnm train --resume runs/", "runs/one"),
    ("gnm sample ", "runs/one"),
    ("gnm evaluate runs/o", "runs/one"),
    ("gnm compose --spec mnist-4-64-s", "mnist-4-64-short"),
    ("gnm parts enc", "encoder"),
    ("gnm parts core struct", "structdraw"),
    ("gnm evaluate --metrics ll,s-", "ll,s-acc"),
    ("gnm judge pictures --rule arrow", "arrow-room"),
    ("gnm figure runs/one --kind resa", "resample"),
    ("gnm check gnm-ren", "gnm-render"),
    ("gnm completion fi", "fish"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run in it, and `gnm` on the path."""
    run = tmp_path / "runs" / "one"
    (run / "checkpoints").mkdir(parents=True)
    (run / "spec.yaml").write_text("model: gnm\n")
    (tmp_path / "runs" / "no-run").mkdir()
    commands = tmp_path / "commands"
    commands.mkdir()
    program = commands / "gnm"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gnm_core "$@"\n')
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def script_for(shell: str, folder: Path) -> Path:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0, result.output
    file = folder / f"script.{shell}"
    file.write_text(result.stdout)
    return file


def said(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(here: Path) -> None:
    script = script_for("bash", here)
    asked = "".join(
        f"COMPREPLY=(); COMP_WORDS=({line}{' ' + chr(39) * 2 if line.endswith(' ') else ''}); "
        f'COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _gnm_completion gnm 2>/dev/null; echo "${{COMPREPLY[*]}}"\n'
        for line, _ in EXPECTED
    )
    answers = said("bash", "--norc", "-c", f"source {script}\ncomplete -p gnm\n{asked}").splitlines()
    assert "_gnm_completion" in answers[0]
    for (line, word), answer in zip(EXPECTED, answers[1:], strict=True):
        assert word in answer.split(), f"{line!r}: {answer}"


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
def test_fish_completes(here: Path) -> None:
    script = script_for("fish", here)
    asked = "".join(f"complete -C '{line}' | string join ' | '; echo =\n" for line, _ in EXPECTED)
    answers = said("fish", "--no-config", "-c", f"source {script}\n{asked}").split("=\n")
    for (line, word), answer in zip(EXPECTED, answers, strict=False):
        offered = [item.split("\t")[0] for item in answer.strip().split(" | ")]
        assert word in offered, f"{line!r}: {answer}"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_zsh_reads_the_script_and_calls_it_for_gnm(here: Path) -> None:
    script = script_for("zsh", here)
    answer = said("zsh", "-f", "-c", f"autoload -U compinit; compinit -u -D; source {script}; print $_comps[gnm]")
    assert answer.strip() == "_gnm_completion"


@pytest.mark.parametrize(("line", "word"), EXPECTED)
def test_the_protocol_of_the_zsh_script_answers(here: Path, line: str, word: str) -> None:
    words = line.split()
    place = len(words) if line.endswith(" ") else len(words) - 1
    environment = {"_GNM_COMPLETE": "zsh_complete", "COMP_WORDS": line, "COMP_CWORD": str(place)}
    result = CliRunner(env=environment).invoke(main, [], prog_name="gnm")
    assert word in result.stdout.splitlines()[1::3], result.output


def test_commands_are_offered_with_their_help_and_nothing_heavy_is_imported(here: Path) -> None:
    script = """
import sys
from gnm_core.cli import main
try:
    main(prog_name="gnm")
except SystemExit:
    pass
print("HEAVY", sorted({"torch", "timm", "numpy", "rich", "pydantic", "ruamel.yaml", "PIL"} & set(sys.modules)))
"""
    for line in ("gnm ", "gnm train --", "gnm sample ", "gnm compose --spec ", "gnm evaluate --metrics "):
        words = line.split()
        environment = {"_GNM_COMPLETE": "zsh_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
        environment |= {"COMP_CWORD": str(len(words) - 1)} if not line.endswith(" ") else {}
        done = subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
        *offered, heavy = done.stdout.splitlines()
        assert heavy == "HEAVY []", f"{line}: {heavy}"
        assert offered, f"{line}: {done.stderr}"
        if line == "gnm ":
            assert installed().commands["train"].help in offered


def test_whatever_takes_a_run_a_spec_or_a_model_completes_it() -> None:
    wanted = {"RUN", "RUN...", "SPEC", "NAME-OR-DIR", "RUN-OR-NAME"}
    lacking = [
        f"{path} {parameter.name}"
        for path, command in every_command()
        for parameter in command.params
        if (parameter.metavar in wanted or (isinstance(parameter, click.Argument) and parameter.name == "run"))
        and parameter.name != "out"
        and parameter._custom_shell_complete is None
    ]
    assert lacking == []


def completed(*words: str) -> list[str]:
    *before, last = words
    return [item.value for item in BashComplete(main, {}, "gnm", "_GNM_COMPLETE").get_completions(before, last)]


@pytest.mark.parametrize(("path", "command"), every_command(), ids=[path for path, _ in every_command()])
def test_no_line_is_too_unfinished_or_too_wrong_to_complete(path: str, command: click.Command, here: Path) -> None:
    words = path.split()[1:]
    for option in [param.opts[0] for param in command.params if isinstance(param, click.Option)]:
        completed(*words, option, "")
        completed(*words, option, "nonsense", "--")
    completed(*words, "nonsense", "nonsense", "")


def test_values_of_the_plugin_options_are_offered_and_no_file_is_executed(here: Path) -> None:
    (here / "loud.py").write_text("raise SystemExit('executed')")
    assert "gnm-render" in completed("train", "--without", "gnm-")
    assert "--resume" in completed("train", "--plugin", "loud.py", "--without", "nobody", "--res")
