"""The documents on specs and plugins say what is so."""

import re
from pathlib import Path

import pytest
from gnm_core.contracts import Contract
from gnm_core.hookspecs import API_VERSION
from gnm_core.plugins import installed
from gnm_core.registry import Register
from gnm_core.spec import load_spec
from gnm_core.spec.nodes import DEEPEST, MOST_NODES
from gnm_core.spec.yaml import LARGEST
from gnm_core.testing import EXERCISES
from gnm_core.testing.law import laws_of

ROOT = Path(__file__).parents[2]
SPECS, PLUGINS = ((ROOT / "docs" / name).read_text() for name in ("specs.md", "plugins.md"))
EXAMPLE = ROOT / "examples" / "student-t-prior"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks(SPECS, "yaml"))
def test_every_spec_in_the_docs_loads(block: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(block)
    load_spec(tmp_path / "spec.yaml")


def test_the_plugin_in_the_docs_is_the_example() -> None:
    sources = [file.read_text() for file in EXAMPLE.rglob("*.*") if file.suffix in (".py", ".toml", ".yaml")]
    sources.append((ROOT / "packages/gnm-core/src/gnm_core/parts/cores/structdraw.py").read_text().replace(" " * 8, ""))
    documented = blocks(PLUGINS, "python") + blocks(PLUGINS, "toml") + blocks(PLUGINS, "yaml")
    assert len(documented) == 6
    for block in documented:
        assert any(_squeezed(block) in _squeezed(source) for source in sources), block


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def test_every_registering_method_is_documented() -> None:
    methods = {name for name, value in vars(Register).items() if callable(value) and not name.startswith("_")}
    for name in methods:
        assert f"`{name}`" in PLUGINS or f"register.{name}(" in PLUGINS


def test_every_contract_of_the_kit_is_documented() -> None:
    list(laws_of(Contract))  # reads the laws of every plugin
    for contract in EXERCISES:
        assert f"`{contract.__name__}`" in PLUGINS


def test_the_limits_in_the_docs_are_those_of_the_code() -> None:
    assert f"{LARGEST // 1024} KiB, more than {MOST_NODES:,} values" in SPECS
    assert f"deeper than {DEEPEST} levels" in SPECS
    assert f"`GNM_API = {API_VERSION + 1}`" in PLUGINS


def test_the_error_in_the_docs_is_the_error(tmp_path: Path) -> None:
    from gnm_core import SpecError

    (shown,) = re.findall(r"```\n(spec\.yaml:4.*?)```", SPECS, re.DOTALL)
    spec = tmp_path / "spec.yaml"
    spec.write_text("dims: {size: 32}\nmodel:\n  use: gnm\n  core: {use: structdraw, stepz: 8}\ndata:   mnist-5\n")
    with pytest.raises(SpecError) as caught:
        load_spec(spec)
    assert str(caught.value).replace(str(spec), "spec.yaml").startswith(shown.rstrip())


def test_the_keys_at_the_top_are_documented() -> None:
    for key in load_spec({"model": "gnm"}).resolved():
        assert f"| `{key}` |" in SPECS
    assert {"mixture", "cosine"} <= {name for _, name in installed().parts}
