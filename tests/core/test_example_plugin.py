"""The example plugin, installed as pip would install it: found, listed, composed, trained on by its own tests."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "student-t-prior"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the metadata that pip would write, and the package beside it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "\n".join(f"{name} = {target}" for name, target in project["entry-points"]["gnm"].items())
    (info / "entry_points.txt").write_text(f"[gnm]\n{points}\n")
    (site / "gnm_student_t").symlink_to(EXAMPLE / "src" / "gnm_student_t")
    return site


def test_it_is_listed_without_being_imported(site: Path, gnm: Run) -> None:
    shown = gnm("parts", "prior", "student-t", site=site).stdout
    assert shown.startswith("prior student-t\ngnm-student-t 0.1.0, gnm_student_t.prior:StudentTPrior\nScenePrior: ")
    assert "  dof  number > 2; default 4\n" in shown


def test_its_spec_composes(site: Path, gnm: Run) -> None:
    result = gnm("compose", "--spec", EXAMPLE / "spec.yaml", site=site)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stdout.splitlines() if "student-t" in line]
    assert line.split()[-5:] == ["student-t", "gnm-student-t", "0.1.0", "139,552", "B×16"]


def test_its_own_tests_pass(site: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests")],
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
