"""Parts from a single file or a notebook: as good as installed ones while they are named, and never run unasked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gnm_core
import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.contracts import Schedule
from gnm_core.errors import OtherVersions, PluginError, SpecError
from gnm_core.plugin_files import load_plugin_file
from gnm_core.plugins import installed
from gnm_core.runs.checkpoint import load_run
from gnm_core.spec import load_spec
from gnm_core.spec.yaml import dump

Toy = Callable[..., dict[str, Any]]

SOURCE = '''
"""A schedule of my own."""

from pathlib import Path

import gnm_core
from gnm_core import Schedule

MARK = Path(__file__).with_suffix(".executed")
MARK.write_text(str(int(MARK.read_text()) + 1) if MARK.exists() else "1")


@gnm_core.part("schedule", "mine")
class Mine(Schedule):
    """The same everywhere.

    Args:
        rate: how much.
    """

    def __init__(self, *, rate: float = 0.01) -> None:
        self.rate = rate

    def __call__(self, step: int) -> float:
        """The rate."""
        return self.rate
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "my_schedule.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def spec(tmp_path: Path, toy: Toy) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(dump(toy(optimizer=[{"use": "adam", "lr": "mine"}], steps=4)))
    return path


def gnm(*arguments: object) -> Result:
    """In a process of its own, as far as plugins are concerned."""
    installed.cache_clear()
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def executions(path: Path) -> int:
    mark = path.with_suffix(".executed")
    return int(mark.read_text()) if mark.exists() else 0


def test_a_file_is_a_plugin_while_it_is_named(tmp_path: Path, mine: Path, spec: Path) -> None:
    composed = gnm("compose", "--spec", spec, "--plugin", mine, "--origins")
    assert (composed.exit_code, composed.stderr) == (0, "")
    listed = gnm("parts", "schedule", "mine", f"--plugin={mine}").output
    assert "my_schedule.py sha256:" in listed
    assert "rate  number; default 0.01" in listed
    assert "schedule: mine" in gnm("plugins", "--plugin", mine).output
    without = gnm("compose", "--spec", spec)
    assert without.exit_code == 2
    assert "no schedule named 'mine' is installed" in without.stderr


def test_a_run_records_its_file_and_names_it_when_it_is_opened_without(tmp_path: Path, mine: Path, spec: Path) -> None:
    run = tmp_path / "run"
    begun = gnm("train", "--spec", spec, "--out", run, "--plugin", mine, "--steps", 2)
    assert begun.exit_code == 0, begun.stderr
    noted = json.loads((run / "settings.json").read_text())["plugin_files"]["my_schedule.py"]
    assert noted == json.loads((run / "checkpoints/step-00000002/meta.json").read_text())["plugin_files"][mine.name]
    before = executions(mine)
    for command in (["train", "--resume", run], ["evaluate", run, "--metrics", "reconstruction"]):
        refused = gnm(*command)
        assert refused.exit_code == 2
        assert (
            f"this needs the parts of my_schedule.py (sha256 {noted['sha256']}); add --plugin {mine}" in refused.stderr
        )
    assert executions(mine) == before
    resumed = gnm("train", "--resume", run, "--plugin", mine)
    assert resumed.exit_code == 0, resumed.stderr
    assert "4 of 4 steps" in resumed.output
    assert "sha256" not in resumed.output


def test_a_file_that_has_changed_is_said(tmp_path: Path, mine: Path, spec: Path) -> None:
    run = tmp_path / "run"
    gnm("train", "--spec", spec, "--out", run, "--plugin", mine, "--steps", 2)
    mine.write_text(SOURCE + "# more\n")
    installed.cache_clear()
    load_plugin_file(mine)
    with pytest.warns(OtherVersions, match=r"since it was trained, my_schedule.py sha256:\w{12} → sha256:\w{12}"):
        load_run(run)
    resumed = gnm("train", "--resume", run, "--plugin", mine)
    assert "warning: since step 2, my_schedule.py sha256:" in resumed.output
    assert "since it was trained" not in gnm("evaluate", run, "--plugin", mine, "--metrics", "reconstruction").stderr


def test_other_versions_of_a_package_are_said_in_a_line(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "spec.yaml").write_text(dump(toy(steps=2)))
    run = tmp_path / "run"
    assert gnm("train", "--spec", tmp_path / "spec.yaml", "--out", run).exit_code == 0
    meta = run / "checkpoints/step-00000002/meta.json"
    meta.write_text(meta.read_text().replace('"toy": "1.0"', '"toy": "0.9"'))
    told = gnm("evaluate", run, "--metrics", "reconstruction").stderr
    assert f"gnm: {run}: since it was trained, toy 0.9 → 1.0\n" in told


HOOK = """
from gnm_core import hookimpl

@hookimpl
def gnm_training_step(training, report):
    training.stop("enough")

@hookimpl
def gnm_register(register):
    register.schedule("mine", "gnm_core.parts.schedules.constant:Constant")
"""


def test_a_file_may_be_written_as_a_package_would_be(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "hooks.py").write_text(HOOK)
    (tmp_path / "spec.yaml").write_text(dump(toy(optimizer=[{"use": "adam", "lr": {"use": "mine", "value": 0.1}}])))
    run = gnm("train", "--spec", tmp_path / "spec.yaml", "--out", tmp_path / "run", "--plugin", tmp_path / "hooks.py")
    assert run.exit_code == 0, run.stderr
    assert "stopped: enough\n1 of 12 steps" in run.output


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n", 'provides nothing: mark its parts with @gnm_core.part("kind", "name")'),
        ("\nraise ValueError('oh')\n", "ValueError: oh (line 2)"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 (line 2)"),
        ("\n\ndef broken(:\n", "SyntaxError: invalid syntax (line 3)\n"),
        (SOURCE.replace('"mine"', '"linear"'), "schedule 'linear' is already provided by gnm-core 0.1.0; choose"),
        (SOURCE.replace('"schedule"', '"prior"'), "Mine is of kind 'schedule', registered as 'prior'"),
        (SOURCE.replace("(Schedule)", ""), "is not a part"),
        (HOOK.replace("training_step", "training_stepp"), "unknown hook 'gnm_training_stepp'"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_with_its_line(tmp_path: Path, source: str, said: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(source)
    result = gnm("parts", "--plugin", path)
    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert said in result.stderr


def test_a_missing_file_and_a_missing_name_are_errors() -> None:
    assert "nowhere.py: cannot be read: No such file" in gnm("parts", "--plugin", "nowhere.py").stderr
    assert "Option '--plugin' requires an argument" in gnm("parts", "--plugin").stderr


def test_a_class_in_a_notebook_is_a_part_and_replaces_itself(toy: Toy) -> None:
    for rate in (0.1, 0.2):
        scope: dict[str, Any] = {"__name__": "a_notebook", "Schedule": Schedule, "gnm_core": gnm_core, "rate": rate}
        exec(
            "@gnm_core.part('schedule', 'cell')\nclass Cell(Schedule):\n    def __call__(self, step):\n"
            "        return rate\n",
            scope,
        )
        spec = load_spec(toy(optimizer=[{"use": "adam", "lr": "cell"}]))
        assert spec.training().schedule()[0].optimizer[0].rate(0) == rate  # type: ignore[index]
        assert spec.providers()["notebook"] == "unsaved"


# Turning plugins off


def test_a_plugin_that_is_turned_off_is_not_even_imported(
    tmp_path: Path, distribution: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = distribution("acme", {"acme.py": "from pathlib import Path\nPath('imported').touch()\nraise ValueError\n"})
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    off = gnm("plugins", "--without", "acme")
    assert (off.exit_code, off.stderr) == (0, "")
    assert "acme 1.0  (acme)\n  turned off" in off.output
    monkeypatch.setenv("GNM_DISABLE_PLUGINS", "toy, acme")
    assert gnm("plugins").output.count("turned off") == 2
    assert not (tmp_path / "imported").exists()
    monkeypatch.delenv("GNM_DISABLE_PLUGINS")
    assert "acme 1.0 is disabled: ValueError" in gnm("plugins").stderr


def test_what_was_turned_off_is_named_where_it_is_missing(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "spec.yaml").write_text(dump(toy()))
    refused = gnm("compose", "--spec", tmp_path / "spec.yaml", "--without", "toy")
    assert refused.exit_code == 2
    assert "turned off, and might have had it: toy 1.0" in refused.stderr
    assert load_spec(toy()).providers()["toy"] == "1.0"  # the next command has it again


@pytest.mark.parametrize(
    ("name", "said"), [("tyo", "there is no such plugin; did you mean 'toy'?"), ("gnm-core", "nothing works without")]
)
def test_what_cannot_be_turned_off_is_an_error(name: str, said: str) -> None:
    result = gnm("parts", "--without", name)
    assert result.exit_code == 2
    assert said in result.stderr


def test_errors_of_a_part_in_a_file_are_its_own(tmp_path: Path, mine: Path, toy: Toy) -> None:
    mine.write_text(SOURCE.replace("self.rate = rate", "raise KeyError('gone')"))
    installed.cache_clear()
    load_plugin_file(mine)
    with pytest.raises((SpecError, PluginError), match=r"my_schedule\.py"):
        load_spec(toy(optimizer=[{"use": "adam", "lr": "mine"}]))


def test_what_is_no_file_of_pythons_is_not_executed(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("raise SystemExit('executed')\n")
    run = gnm("parts", "--plugin", tmp_path / "spec.yaml")
    assert run.exit_code == 2
    assert "spec.yaml: a file of Python's is expected, whose name ends in .py" in run.output + run.stderr
