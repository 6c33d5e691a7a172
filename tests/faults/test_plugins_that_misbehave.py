"""Whatever one plugin raises, prints or writes, every other part and command works."""

import json
import subprocess
import textwrap
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from gnm_core import plugins
from gnm_core.errors import PluginError, SpecError
from gnm_core.inspection import inspect
from gnm_core.plugins import load_plugins
from gnm_core.registry import Register, Registry, registry_of
from gnm_core.spec import load_spec

Run = Callable[..., subprocess.CompletedProcess[str]]

HOOK = """
from gnm_core import hookimpl

@hookimpl
def gnm_register(register):
    {body}
"""
UNSPEAKABLE = "class Odd({base}):\n    def __str__(self):\n        {body}\nraise Odd()\n"


def loaded(site: Path, monkeypatch: pytest.MonkeyPatch, source: str, module: str = "acme_plugin") -> Registry:
    (site / f"{module}.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(__import__("sys").modules, module, raising=False)
    return load_plugins([EntryPoint("acme", module, "gnm")])


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import _pytest.outcomes as o; o.skip('not here', allow_module_level=True)\n", "Skipped"),
        ("raise GeneratorExit\n", "GeneratorExit"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("raise BaseExceptionGroup('both', [KeyboardInterrupt(), SystemExit()])\n", "BaseExceptionGroup: both"),
        ("import os; raise SystemExit(os)\n", "SystemExit"),
        (UNSPEAKABLE.format(base="Exception", body="raise SystemExit"), "Odd (whose text cannot be had"),
        (UNSPEAKABLE.format(base="BaseException", body="return None"), "Odd (whose text cannot be had"),
        ("raise ValueError('\\x1b[31m' + 'x' * 100_000)\n", "ValueError: \\x1b[31mxxx"),
        (HOOK.format(body="register.parts['core', 'mine'] = 7"), "does not support item assignment"),
        (HOOK.format(body="register.parts.update(a=1)"), "has no attribute 'update'"),
        (HOOK.format(body="register.parts = []"), "has no setter"),
        (HOOK.format(body="register.commands['hi'] = print"), "does not support item assignment"),
        (HOOK.format(body="register.command('hi', 'a:b', None)"), "its help must be a line of text, not None"),
        (HOOK.format(body="register.core(type('T', (str,), {})('x'), object())"), "is not a part"),
    ],
)
def test_it_is_set_aside_with_a_short_cause(
    source: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = loaded(tmp_path, monkeypatch, source)
    (plugin,) = registry.plugins
    assert cause in str(plugin.failure)
    assert len(str(plugin.failure)) < 600
    assert str(plugin.failure).isprintable()
    assert registry.parts == {}


def test_what_a_plugin_prints_at_import_spoils_no_json(distribution: Callable[..., Path], gnm: Run) -> None:
    loud = "print('plugin says hello')\n" + HOOK.format(body="register.prior('loud', 'acme_parts:Loud')")
    part = """
        from gnm_core.dims import Dims
        from gnm_core.parts.priors.standard_normal import StandardNormal
        print("the part's module says hello")

        class Loud(StandardNormal):
            def __init__(self, dims: Dims):
                super().__init__(dims)
                print("the constructor says hello")

            def forward(self, hidden):
                print("the part says hello")
                return super().forward(hidden)
    """
    site = distribution("acme", {"acme.py": loud, "acme_parts.py": part})
    spec = site / "spec.yaml"
    spec.write_text("dims: {size: 32, features: 8}\nmodel: {use: gnm, core: {use: structdraw, prior: loud}}\n")
    for command in (["plugins", "--json"], ["parts", "--json"], ["compose", "--json", "--spec", spec]):
        result = gnm(*command, site=site)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)
        assert "says hello" in result.stderr


@pytest.mark.parametrize("group", [True, False])
def test_an_entry_points_file_that_is_not_utf8_stops_nothing(
    group: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "latin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: latin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_bytes((b"[gnm]\n" if group else b"[other]\n") + b"caf\xe9 = latin\n")
    monkeypatch.syspath_prepend(tmp_path)
    _, unreadable = plugins._discover()
    assert [plugin.provider.distribution for plugin in unreadable] == (["latin"] if group else [])
    assert all("UnicodeDecodeError" in str(plugin.failure) for plugin in unreadable)


# Parts

SMALL = {"dims": {"size": 32, "features": 8, "scene": 4}, "model": {"use": "gnm", "core": {"prior": "odd"}}}
PART = """
from gnm_core.parts.priors.standard_normal import StandardNormal

class Odd(StandardNormal):
    def {method}(self, {arguments}):
        {body}
"""


def with_part(site: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> Registry:
    module = f"acme_{abs(hash(source))}"
    (site / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(site)
    register = Register(plugins.installed().plugins[0].provider)
    register.prior("odd", f"{module}:Odd")
    theirs = registry_of([register])
    theirs.parts |= plugins.installed().parts
    return theirs


STRANGE = [
    ("raise SystemExit('bye')", "SystemExit: bye"),
    ("import sys; sys.exit(0)", "SystemExit: 0"),
    ("raise GeneratorExit", "GeneratorExit"),
    ("raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})", "Mute (whose text cannot be had"),
]


@pytest.mark.parametrize(("body", "cause"), STRANGE)
def test_whatever_a_constructor_raises_is_a_problem_of_its_slot(
    body: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PART.format(method="__init__", arguments="dims: 'Dims'", body=body)
    registry = with_part(tmp_path, monkeypatch, "from gnm_core.dims import Dims\n" + source)
    with pytest.raises(SpecError, match=r"model.core.prior: cannot be built") as caught:
        load_spec(SMALL, registry=registry)
    assert cause in str(caught.value)


@pytest.mark.parametrize(("body", "cause"), STRANGE)
def test_whatever_a_forward_pass_raises_is_a_problem_of_its_slot(
    body: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PART.format(method="forward", arguments="hidden", body=body)
    spec = load_spec(SMALL, registry=with_part(tmp_path, monkeypatch, source))
    with pytest.raises(SpecError, match=r"model.core.prior: prior 'odd'") as caught:
        inspect(spec)
    assert cause in str(caught.value)


@pytest.mark.parametrize("body", [body for body, _ in STRANGE])
def test_whatever_a_parts_module_raises_is_said_of_the_part(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = with_part(tmp_path, monkeypatch, f"{body}\n")
    entry = registry.find("prior", "odd")
    assert entry is not None
    with pytest.raises(PluginError, match=r"prior 'odd' of gnm-core .* cannot be loaded"):
        entry.load()


@pytest.mark.parametrize(
    "body", ["torch.unique(torch.rand(3, 3), dim=0)", "torch.rand(3).tolist()", "float(torch.rand(()))"]
)
def test_a_constructor_that_needs_values_is_built_where_there_are_some(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PART.format(method="__init__", arguments="dims: 'Dims'", body=f"super().__init__(dims); {body}")
    registry = with_part(tmp_path, monkeypatch, "import torch\nfrom gnm_core.dims import Dims\n" + source)
    before = torch.random.get_rng_state()
    spec = load_spec(SMALL, registry=registry)
    assert torch.equal(before, torch.random.get_rng_state())
    assert type(spec.model().core.prior).__name__ == "Odd"


def test_a_constructor_that_needs_the_meta_device_to_have_values_is_told_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "super().__init__(dims); torch.rand(3, device='meta').tolist()"
    source = PART.format(method="__init__", arguments="dims: 'Dims'", body=body)
    registry = with_part(tmp_path, monkeypatch, "import torch\nfrom gnm_core.dims import Dims\n" + source)
    with pytest.raises(SpecError, match="gnm builds every part on torch's meta device first") as caught:
        load_spec(SMALL, registry=registry)
    assert "torch.device('cpu')" in str(caught.value)
