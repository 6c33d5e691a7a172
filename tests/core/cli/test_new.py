"""`gnm new plugin`: what it writes installs, is listed, composes, trains and passes its test without an edit."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gnm_core import Contract, GnmError
from gnm_core.new_plugin import KINDS, new_plugin
from gnm_core.plugins import installed
from gnm_core.registry import Register
from gnm_core.testing import EXERCISES, contracts_of
from gnm_core.testing.law import laws_of

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


def test_there_is_a_template_for_every_kind_that_can_be_registered() -> None:
    methods = {name.replace("_", "-") for name in vars(Register) if not name.startswith("_")}
    others = {"parts", "commands", "kernels", "part", "command", "specs", "pretrained", "laws", "kernel"}
    assert set(KINDS) == methods - others
    contracts = {KINDS[kind].contract for kind in KINDS}
    list(laws_of(Contract))  # reads the laws of every plugin
    assert {contract.__name__ for contract in EXERCISES} - contracts == {
        "BackgroundDecoder",  # decoders and priors of which there is one
        "MapDecoder",
        "LatentPrior",
        "PresencePrior",
    }


def test_every_contract_that_a_part_is_registered_under_has_laws_of_its_own() -> None:
    lawless = {
        f"{entry.kind}: {contract.__name__}"
        for entry in installed().parts.values()
        for contract in contracts_of(entry.load())
        if contract not in EXERCISES and all(known.contract is Contract for known in laws_of(contract))
    }
    assert not lawless
    assert all(list(contracts_of(entry.load())) for entry in installed().parts.values())


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
