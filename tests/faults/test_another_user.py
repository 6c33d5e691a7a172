"""Somebody else's machine: no home, no cache of one's own, runs and libraries of others; it works, or says why not."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from gnm_core.native import cache
from gnm_core.native.call import LAYERS
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import start
from gnm_core.training.progress import Silent

NOBODY = 54_321
"""No entry of the system's knows them."""
MAY_READ = "dac_read_search"
"""They may look into every folder, as the packages may lie in one of root's; they may write where anybody may."""
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(f"--inh-caps=+{MAY_READ}", f"--ambient-caps=+{MAY_READ}", sys.executable),
)
SPEC = {
    "dims": {"channels": 1, "size": 32, "grid": 4, "features": 8, "scene": 4, "what": 4},
    "model": {"use": "gnm", "core": {"use": "structdraw", "steps": 1, "decoder": [8]}},
    "data": "mnist-4",
    "train": {"steps": 2, "batch": 4, "picture_every": 0},
}
DRIVER = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from gnm_core.cli import main
for command in json.load(sys.stdin):
    done = CliRunner().invoke(main, command, prog_name="gnm")
    odd = None if isinstance(done.exception, SystemExit | None) else repr(done.exception)
    print(json.dumps([done.exit_code, done.output, odd]))
mapped = {line.split(maxsplit=5)[5] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
print(json.dumps(sorted(mapped)))
"""


def can_be_nobody() -> bool:
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*AS_NOBODY, "-c", "import click"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_be_nobody(), reason="needs root, and setpriv, to become somebody else")


def as_nobody(commands: Sequence[Sequence[object]], folder: Path, **environment: str) -> tuple[list[Any], list[str]]:
    """Exit code, output and odd exception of each command in turn, in one process; which libraries it then has."""
    clean = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "USER", "LOGNAME")}
    done = subprocess.run(
        [*AS_NOBODY, "-c", DRIVER],
        input=json.dumps([[str(word) for word in command] for command in commands]),
        env={**clean, "OMP_NUM_THREADS": "1", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that anybody can look into; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def theirs(place: Path) -> Path:
    """A folder in which anybody can write."""
    folder = place / "theirs"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "spec.yaml").write_text(json.dumps(SPEC))
    return folder


def test_everything_works_without_a_home_and_nothing_is_loaded_from_a_cache_of_somebody_else(
    theirs: Path, place: Path
) -> None:
    if not LAYERS.can_take():
        pytest.skip(f"nothing is compiled here: {LAYERS.why_not()}")
    roots = Path(shutil.copytree(cache.cache_folder(), place / "cache/gnm"))
    for path in (roots.parent, roots):
        path.chmod(0o755)
    run = theirs / "run"
    found, mapped = as_nobody(
        [
            ["compose", "--spec", "spec.yaml"],
            ["train", "--spec", "spec.yaml", "--out", run],
            ["sample", run, "-n", 2, "--out", theirs / "samples.png"],
            ["evaluate", run, "--metrics", "reconstruction", "-n", 8, "--no-report"],
        ],
        theirs,
        XDG_CACHE_HOME=str(roots.parent),
    )
    assert [(code, odd) for code, _, odd in found] == [(0, None)] * 4, found
    assert (run / "evaluation/evaluation.json").stat().st_uid == NOBODY
    assert [path for path in mapped if path.startswith(str(roots))] == []
    assert sorted(p.name for p in roots.iterdir()) == sorted(p.name for p in cache.cache_folder().iterdir())


def test_what_belongs_to_somebody_else_can_be_read_and_is_not_changed(theirs: Path, place: Path) -> None:
    run = place / "roots/run"
    start(load_spec(SPEC), run, Settings(steps=1, threads=1), Silent())
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    found, _ = as_nobody(
        [
            ["sample", run, "-n", 2, "--out", theirs / "samples.png"],
            ["evaluate", run, "--metrics", "reconstruction", "-n", 8, "--no-report", "--out", theirs / "measured"],
            ["evaluate", run, "--metrics", "reconstruction", "-n", 8, "--no-report"],
            ["figure", run, "--kind", "samples"],
            ["train", "--resume", run],
            ["train", "--spec", theirs / "spec.yaml", "--out", run.parent / "another"],
            ["compose", "--spec", theirs / "spec.yaml", "--out", run.parent / "resolved.yaml"],
        ],
        theirs,
        GNM_NATIVE="0",
    )
    assert [(code, odd) for code, _, odd in found] == [(0, None)] * 2 + [(2, None)] * 5, found
    for _, output, _ in found[2:]:
        assert "permission denied" in output.lower()
        assert "fault of gnm itself" not in output
        assert str(run.parent) in output
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
