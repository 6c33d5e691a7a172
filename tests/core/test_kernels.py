"""Kernels: asked for by name, they answer or decline; a plugin's is asked first."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from gnm_core import kernels
from gnm_core.errors import PluginError
from gnm_core.layers.celu_norm import CeluNorm1d
from gnm_core.registry import Provider, Register, Registry

PLUGIN = """
from gnm_core import hookimpl

@hookimpl
def gnm_register(register):
    register.kernel("celu-norm-1d", "acme_kernels:norm")
"""
PROGRAM = """
import torch
from gnm_core import kernels
from gnm_core.layers.celu_norm import CeluNorm1d
layer = CeluNorm1d(4)
print(layer(torch.ones(2, 4)).tolist(), layer(torch.ones(3, 4)).tolist() == [[0.0] * 4] * 3)
with kernels.reference():
    print(layer(torch.ones(2, 4)).tolist())
"""


def program(site: Path) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-c", PROGRAM], {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_plugins_kernel_is_used_and_may_decline(
    distribution: Callable[..., Path], gnm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    kernel = """
        def norm(layer, x):
            return x + 41 if len(x) == 2 else None
    """
    site = distribution("acme", {"acme.py": PLUGIN, "acme_kernels.py": kernel})
    done = program(site)
    assert done.stdout.splitlines() == [
        "[[42.0, 42.0, 42.0, 42.0], [42.0, 42.0, 42.0, 42.0]] True",
        str([[0.0] * 4] * 2),
    ]
    assert "kernels: celu-norm-1d" in gnm("plugins", site=site).stdout.split("acme", 1)[1]


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (
            "def norm(layer, x): raise ValueError('no luck')",
            "kernel 'celu-norm-1d' (acme 1.0) fails: ValueError: no luck",
        ),
        ("import no_such_thing", "kernel 'celu-norm-1d' (acme 1.0): acme_kernels:norm cannot be loaded"),
    ],
)
def test_a_plugins_fault_bears_its_name(kernel: str, said: str, distribution: Callable[..., Path]) -> None:
    site = distribution("acme", {"acme.py": PLUGIN, "acme_kernels.py": kernel})
    done = program(site)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_kernel_nobody_has_is_declined() -> None:
    assert kernels.run("no-such-kernel", torch.ones(1)) is None


def test_within_reference_all_decline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_kernels", lambda name: (lambda layer, x: x * 0 + 7,))
    layer, x = CeluNorm1d(3), torch.ones(2, 3)
    assert (layer(x) == 7).all()
    with kernels.reference():
        assert not layer(x).any()
    assert (layer(x) == 7).all()


def test_the_last_distribution_is_asked_first_and_within_one_the_first() -> None:
    registry = Registry()
    for owner, targets in (("gnm-core", ("a:x", "a:y")), ("acme", ("b:z",))):
        register = Register(Provider(owner, "1.0"))
        for target in targets:
            register.kernel("norm", target)
        registry.add(register)
    assert [entry.target for entry in registry.kernels["norm"]] == ["b:z", "a:x", "a:y"]


@pytest.mark.parametrize("target", ["nonsense", 42])
def test_what_cannot_be_a_kernel_is_refused(target: object) -> None:
    with pytest.raises(PluginError, match="kernel 'norm'"):
        Register(Provider("acme", "1.0")).kernel("norm", target)


def test_what_the_last_bits_depend_on_is_known() -> None:
    variants = kernels.variants(torch.device("cpu"))
    assert bool(variants) == (not kernels.why_not(torch.device("cpu")))
    assert kernels.variants(torch.device("meta")) == {}
    assert kernels.why_not(torch.device("meta")) == []
