"""The command: fast lists, trees that fit, JSON for programs, exit code 2 for mistakes."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.plugins import installed
from gnm_core.spec import load_spec

Run = Callable[..., subprocess.CompletedProcess[str]]

SMALL = "dims: {size: 32, features: 8, scene: 4}\nmodel: gnm\ndata: mnist-4\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "spec.yaml"
    file.write_text(SMALL)
    return file


def gnm_here(*arguments: object) -> Result:
    """The command in this process, for what needs no process of its own."""
    runner = CliRunner(env={"COLUMNS": "80"})
    return runner.invoke(main, [str(argument) for argument in arguments], prog_name="gnm")


# Start-up


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["parts"],
        ["parts", "--json"],
        ["plugins"],
        ["evaluate", "--help"],
        ["compare", "--help"],
    ],
)
def test_lists_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    script = f"""
import sys
from gnm_core.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert not stop.code, stop.code
heavy = {{"torch", "timm", "numpy", "rich", "pydantic", "ruamel.yaml", "PIL", "sklearn", "einops"}}
print("HEAVY", sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.splitlines()[-1] == "HEAVY []"


def test_help_lists_every_command() -> None:
    shown = gnm_here("--help").stdout
    assert [name for name in installed().commands if f"  {name}" not in shown] == []


def test_version() -> None:
    assert gnm_here("--version").stdout == f"gnm {installed().parts['model', 'gnm'].provider.version}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compos"], "No such command 'compos'"),
        (["compose"], "Missing option '--spec'"),
        (["compose", "--spec"], "requires an argument"),
        (["compose", "--spec", "x.yaml", "--colour"], "No such option"),
        (["parts", "a", "b", "c"], "unexpected extra argument"),
        (["parts", "cores"], "there is no kind of part 'cores'; did you mean 'core'?"),
        (["parts", "zzz"], "there is no kind of part 'zzz'; kinds: "),
        (["parts", "core", "structdrw"], "no core is named 'structdrw'; did you mean 'structdraw'?"),
    ],
)
def test_mistakes_at_the_command_line_end_with_two(arguments: list[str], message: str) -> None:
    result = gnm_here(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


# parts and plugins


def test_parts_lists_every_part_with_its_package() -> None:
    shown = gnm_here("parts").stdout
    for entry in installed().parts.values():
        assert f"  {entry.name} ({entry.provider})" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_parts_of_one_kind() -> None:
    shown = gnm_here("parts", "core").stdout
    assert "structdraw" in shown
    assert "conv (" not in shown


def test_one_part_in_full() -> None:
    shown = gnm_here("parts", "core", "structdraw").stdout
    assert "Core: scene code, drawn step by step" in shown
    assert "  steps  integer >= 1, <= 1024; default 4\n      L, drawing steps.\n" in shown
    assert "  core: structdraw" in shown
    assert "Args:" not in shown


def test_a_part_with_required_options_shows_them_in_its_example() -> None:
    assert "  data: {use: image-folder, dir: ...}" in gnm_here("parts", "data", "image-folder").stdout


def test_parts_as_json() -> None:
    (part,) = json.loads(gnm_here("parts", "core", "structdraw", "--json").stdout)
    assert (part["kind"], part["name"], part["package"]) == ("core", "structdraw", "gnm-core")
    steps = next(option for option in part["options"] if option["name"] == "steps")
    assert steps["type"] == "integer >= 1, <= 1024"
    assert (steps["required"], steps["default"], steps["slot"]) == (False, "4", None)
    assert len(json.loads(gnm_here("parts", "--json").stdout)) == len(installed().parts)


def test_plugins_lists_what_each_package_added() -> None:
    shown = gnm_here("plugins").stdout
    for plugin in installed().plugins:
        assert f"{plugin.provider}  ({plugin.target})" in shown
    assert "  core: structdraw" in shown
    assert {plugin["package"] for plugin in json.loads(gnm_here("plugins", "--json").stdout)} == {
        plugin.provider.distribution for plugin in installed().plugins
    }


# compose


def test_compose_prints_the_tree(spec: Path, gnm: Run) -> None:
    result = gnm("compose", "--spec", spec)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["part", "package", "parameters", "output"]
    total = f"{sum(p.numel() for p in load_spec(spec).model().parameters()):,}"
    version = installed().parts["model", "gnm"].provider
    assert lines[1].split() == ["model:", "gnm", *str(version).split(), total, "B×1×32×32"]
    assert any(line.startswith("├─ encoder: conv") and line.endswith("B×8×4×4") for line in lines)
    assert any(line.startswith("│  └─ prior: autoregressive") and line.endswith("B×4") for line in lines)
    assert f"\n\n{total} parameters; channels 1, size 32, grid 4" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_narrow_terminal_keeps_every_number(spec: Path, gnm: Run) -> None:
    result = gnm("compose", "--spec", spec, FORCE_COLOR="1", COLUMNS="80")
    assert "\x1b[" in result.stdout
    lines = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).splitlines()
    table = lines[: lines.index("")]
    assert max(map(len, table)) <= 80
    assert not any("…" in line for line in table)
    assert any(line.startswith("model: gnm") and line.endswith("B×1×32×32") for line in table)


def test_plain_ascii_where_nothing_else_can_be_written(spec: Path, gnm: Run) -> None:
    result = gnm("compose", "--spec", spec, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "|- encoder: conv" in result.stdout
    assert "Bx1x32x32" in result.stdout


def test_compose_as_json(spec: Path) -> None:
    data = json.loads(gnm_here("compose", "--spec", spec, "--json", "--set", "model.core.steps=2").stdout)
    core = next(part for part in data["parts"] if part["path"] == "model.core")
    assert (core["use"], core["package"]) == ("structdraw", "gnm-core")
    assert core["outputs"]["infer"]["scene"] == [2, 2, 4]
    assert data["spec"]["model"]["core"]["steps"] == 2
    assert data["parameters"] == next(part for part in data["parts"] if part["path"] == "model")["parameters"]
    assert "gnm-core" in data["providers"]


def test_json_has_no_infinity(spec: Path) -> None:
    shown = gnm_here("compose", "--spec", spec, "--json", "--set", "train.clip=.inf").stdout
    assert json.loads(shown, parse_constant=pytest.fail)["spec"]["train"]["clip"] == ".inf"


def test_out_writes_a_spec_that_says_the_same(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "resolved.yaml"
    assert gnm_here("compose", "--spec", spec, "--set", "model.core.steps=2", "--out", out).exit_code == 0
    assert out.read_text().startswith("# Resolved by gnm-core ")
    assert load_spec(out).resolved() == load_spec(spec, ["model.core.steps=2"]).resolved()


def test_an_unwritable_out_is_an_error(spec: Path, tmp_path: Path) -> None:
    result = gnm_here("compose", "--spec", spec, "--out", tmp_path / "no" / "folder.yaml")
    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path}/no/folder.yaml: cannot be written: No such file or directory\n"


def test_digits_dir_is_short_for_the_mnist_source(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my 'digits': {"
    shown = gnm_here("compose", "--spec", spec, "--digits-dir", folder, "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["spec"]["data"]["digits"] == {"use": "mnist", "dir": str(folder)}


def test_differences_are_shown_by_path(spec: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("model: gnm", "model: {use: gnm, core: {use: structdraw, steps: 8}, sigma: 0.3}"))
    result = gnm_here("compose", "--spec", spec, "--diff", other)
    assert result.exit_code == 0
    assert result.stdout == (f"- {spec}\n+ {other}\nmodel.core.steps:\n  - 4\n  + 8\nmodel.sigma:\n  - 0.2\n  + 0.3\n")
    assert json.loads(gnm_here("compose", "--spec", spec, "--diff", other, "--json").stdout) == [
        {"path": "model.core.steps", "spec": 4, "diff": 8},
        {"path": "model.sigma", "spec": 0.2, "diff": 0.3},
    ]


def test_equal_specs_have_no_differences(spec: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(load_spec(spec).to_yaml())
    assert gnm_here("compose", "--spec", spec, "--diff", other).stdout == f"{spec} and {other} describe the same.\n"


def test_a_closed_pipe_is_no_error(gnm: Run, tmp_path: Path) -> None:
    script = "from gnm_core.cli import main; main(['parts'])"
    command = f'{sys.executable} -c "{script}" | head -n 1'
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.stdout == "schedule\n"
    assert "Traceback" not in result.stderr
