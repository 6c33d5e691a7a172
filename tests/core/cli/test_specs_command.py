"""`gnm specs`, and specs by their names, those of plugins included."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from gnm_core import load_spec
from gnm_core.errors import SpecError
from gnm_core.plugins import installed
from gnm_core.registry import Provider, Register, Registry, registry_of

Command = Callable[..., CompletedProcess[str]]
PLUGIN = """
    from gnm_core import hookimpl

    @hookimpl
    def gnm_register(register):
        register.specs("gnm_rooms:specs")
"""


def test_it_lists_what_the_packages_ship_with_a_line_on_each(gnm: Command) -> None:
    lines = gnm("specs").stdout.splitlines()
    packages = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert packages == ["gnm-core", "gnm-data", "gnm-baselines"]
    (line,) = [line for line in lines if line.startswith("  mnist-4 ")]
    assert "GNM on MNIST-4" in line
    listed = json.loads(gnm("specs", "--json").stdout)
    assert [entry["name"] for entry in listed] == list(installed().specs)
    assert all(Path(entry["file"]).is_file() and entry["about"] for entry in listed)


def test_it_prints_one_as_its_file_has_it(gnm: Command) -> None:
    entry = installed().specs["mnist-4-64"]
    assert gnm("specs", "mnist-4-64").stdout == f"# {entry.path}\n{entry.path.read_text()}"
    result = gnm("specs", "mnist-5-64")
    assert (result.returncode, result.stdout) == (2, "")
    assert "ships a spec 'mnist-5-64'; did you mean 'mnist-" in result.stderr


def test_a_spec_goes_by_its_name_and_a_file_goes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist-4").mkdir()  # a run may be called so
    assert load_spec("mnist-4").resolved()["data"]["use"] == "mnist-4"  # type: ignore[index]
    (tmp_path / "mnist-4").rmdir()
    (tmp_path / "mnist-4").write_text("model: gnm\n")
    assert load_spec("mnist-4").resolved()["data"] is None


def test_a_path_that_is_not_there_says_whose_spec_has_the_name() -> None:
    with pytest.raises(
        SpecError, match=r"^specs/mnist-4\.yaml: no such file\n    gnm-data .* ships a spec 'mnist-4': name"
    ):
        load_spec("specs/mnist-4.yaml")


def test_a_plugin_ships_specs_and_stands_on_ours(distribution: Callable[..., Path], gnm: Command) -> None:
    specs = {
        "gnm_rooms/specs/rooms.yaml": "# Rooms\nbase: mnist-4-64\nmodel: {sigma: 0.3}\n",
        "gnm_rooms/specs/gnm.yaml": "# Not ours\nmodel: vae\n",
    }
    site = distribution("gnm-rooms", {"gnm_rooms/__init__.py": PLUGIN, **specs})
    listed = gnm("specs", site=site).stdout
    assert "gnm-rooms 1.0" in listed
    assert "  rooms " in listed
    result = gnm("compose", "--spec", "rooms", "--diff", "mnist-4-64", site=site)
    assert "model.sigma:" in result.stdout, result.stderr
    # The name was taken: both can be reached.
    assert "use: gnm\n" in gnm("specs", "gnm", site=site).stdout
    assert "model: vae" in gnm("specs", "gnm-rooms:gnm", site=site).stdout
    assert gnm("compose", "--spec", "gnm-rooms:gnm", "--diff", "vae", site=site).returncode == 0


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("gnm_rooms", "'gnm_rooms' is not of the form 'package:folder'"),
        ("gnm_rooms:nowhere", "the package gnm_rooms has no folder nowhere"),
        ("gnm_attic:specs", "the package gnm_attic has no folder specs"),
    ],
)
def test_a_folder_that_is_not_there_is_the_plugins_failure(
    folder: str, message: str, distribution: Callable[..., Path], gnm: Command
) -> None:
    source = PLUGIN.replace("gnm_rooms:specs", folder)
    site = distribution("gnm-rooms", {"gnm_rooms/__init__.py": source})
    result = gnm("specs", site=site)
    assert message in result.stderr
    assert result.returncode == 0


def test_a_registry_without_folders_has_no_specs() -> None:
    assert registry_of([Register(Provider("a", "1"))]).specs == Registry().specs == {}


def test_listing_specs_imports_nothing_heavy(gnm: Command) -> None:
    result = gnm("specs", PYTHONPROFILEIMPORTTIME="1")
    assert "gnm_core.registry" in result.stderr
    assert " torch" not in result.stderr
