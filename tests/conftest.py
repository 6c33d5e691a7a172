"""For all tests: fake distributions and the real command; one thread; no deadlines."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("gnm", deadline=None)  # a loaded machine is slow, not wrong
hypothesis.settings.register_profile(  # for random damage: some cases in the suite, thousands (or GNM_CASES) by hand
    "many",
    deadline=None,
    max_examples=int(os.environ.get("GNM_CASES") or (10_000 if os.environ.get("GNM_TESTS") == "long" else 150)),
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("gnm")
torch.set_num_threads(1)  # the tests are small: more threads only get in each other's way


@pytest.fixture
def distribution(tmp_path: Path) -> Callable[..., Path]:
    """Puts a fake installed distribution into a folder: its metadata, one entry point, and module files."""

    def make(name: str, modules: dict[str, str], *, entry: str | None = None, version: str = "1.0") -> Path:
        site = tmp_path / "site"
        module = name.replace("-", "_")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[gnm]\n{name} = {entry or module}\n")
        for path, source in modules.items():
            file = site / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(source))
        return site

    return make


@pytest.fixture
def gnm(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the `gnm` command in a process of its own, with extra folders to import from."""

    def run(*arguments: object, site: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(str(p) for p in (site, os.environ.get("PYTHONPATH")) if p)
        return subprocess.run(
            [sys.executable, "-c", "from gnm_core.cli import main; main(prog_name='gnm')", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "80", **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )

    return run
