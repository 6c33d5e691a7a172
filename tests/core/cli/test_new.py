"""`gnm new plugin`: what it writes installs, is listed, composes, trains and passes its test without an edit."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gnm_core import GnmError
from gnm_core.new_plugin import KINDS, new_plugin
from gnm_core.testing import EXERCISES

Run = Callable[..., subprocess.CompletedProcess[str]]

SOME = ("prior",)
"""Kinds that every run of the tests tries; all of them with GNM_TESTS=long, and in CI from wheels (`.ci/plugins`)."""


def _python(*arguments: object, site: Path | None = None) -> None:
    path = os.pathsep.join(str(p) for p in (site, os.environ.get("PYTHONPATH")) if p)
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS if os.environ.get("GNM_TESTS") == "long" else SOME)
def test_a_new_plugin_works_without_an_edit(kind: str, tmp_path: Path, gnm: Run) -> None:
    folder, site = tmp_path / "mine", tmp_path / "site"
    made = gnm("new", "plugin", "my-own", "--kind", kind, "--dir", folder)
    assert made.returncode == 0, made.stderr
    _python("pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", site, folder)
    assert gnm("parts", kind, "my-own", site=site).stdout.startswith(
        f"{kind} my-own\nmy-own 0.1.0, my_own.part:MyOwn\n"
    )
    composed = gnm("compose", "--spec", folder / "spec.yaml", site=site)
    assert composed.returncode == 0, composed.stderr
    trained = gnm("train", "--spec", folder / "spec.yaml", "--out", tmp_path / "run", "--steps", "2", site=site)
    assert trained.returncode == 0, trained.stderr
    _python("pytest", "-q", "-p", "no:cacheprovider", folder / "tests", site=site)


def test_there_is_a_template_for_every_kind_that_core_has_laws_of() -> None:
    contracts = {KINDS[kind].contract for kind in KINDS}
    assert {contract.__name__ for contract in EXERCISES} - contracts == {
        "BackgroundDecoder",  # as a decoder of glimpses, which has one
        "LatentPrior",
        "PresencePrior",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_python_that_names_its_contract(kind: str, tmp_path: Path) -> None:
    new_plugin("my-own", kind, tmp_path / "mine")
    source = (tmp_path / "mine/src/my_own/part.py").read_text()
    compile(source, "part.py", "exec")
    assert f"class MyOwn({KINDS[kind].contract})" in source
    assert "$" not in source + (tmp_path / "mine/spec.yaml").read_text()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GnmError, match="'My Priors' cannot be the name of a package"):
        new_plugin("My Priors", "prior", tmp_path / "a")
    for name in ("class", "none", "json", "torch", "gnm-core"):
        with pytest.raises(GnmError, match="means something in Python already"):
            new_plugin(name, "prior", tmp_path / "a")
    for name in ("../evil", "/tmp/evil", "a/b", "-a", "a\n", ""):
        with pytest.raises(GnmError, match="cannot be the name of a package"):
            new_plugin(name, "prior", tmp_path / "a")
    with pytest.raises(GnmError, match="there is no template for the kind 'piror'; did you mean 'prior'"):
        new_plugin("mine", "piror", tmp_path / "a")
    with pytest.raises(GnmError, match="is already there"):
        new_plugin("mine", "prior", tmp_path)
    assert not (tmp_path / "a").exists()
