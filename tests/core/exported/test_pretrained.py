"""Models by name or folder, wherever a command takes a run."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gnm_core
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner, Result
from gnm_core import RunError
from gnm_core.cli import main
from gnm_core.plugins import installed
from gnm_core.registry import Provider, Register, registry_of


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def zoo(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package on the path that ships one model, through the hook of every plugin."""
    root = tmp_path_factory.mktemp("site")
    package = root / "toy_zoo"
    package.mkdir()
    done = gnm("export", trained, package / "models" / "tiny", "--measure", "s-acc", "--set", "metrics.s-acc.n=4")
    assert done.exit_code == 0, done.output
    (package / "__init__.py").write_text(
        "from gnm_core import hookimpl\n\n\n@hookimpl\ndef gnm_register(register):\n"
        "    register.pretrained('toy_zoo:models')\n"
    )
    about = root / "toy_zoo-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-zoo\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gnm]\ntoy-zoo = toy_zoo\n")
    return root


@pytest.fixture
def shipped(zoo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(zoo))
    monkeypatch.chdir(tmp_path)
    installed.cache_clear()
    yield zoo / "toy_zoo/models/tiny"
    installed.cache_clear()


def test_a_plugins_models_are_listed_with_size_and_owner(shipped: Path) -> None:
    listed = gnm("pretrained")
    assert "tiny" in listed.output
    assert "GNM-2 on mnist-4, 32 px  (toy-zoo 1.0)" in listed.output
    data = {one["name"]: one for one in json.loads(gnm("pretrained", "--json").output)}["tiny"]
    assert (data["step"], data["package"]) == (4, "toy-zoo")
    assert gnm("pretrained", "tiny").output == (shipped / "README.md").read_text()


def test_every_command_that_takes_a_run_takes_a_model_by_name_or_folder(
    shipped: Path, trained: Path, tmp_path: Path
) -> None:
    before = sorted(path for path in shipped.rglob("*"))
    for source in ("tiny", shipped):
        done = gnm("sample", "--pretrained", source, "-n", 2, "--singles", tmp_path / "singles")
        assert done.exit_code == 0, done.output
        picture = tmp_path / "singles/sample-0000.png"
        done = gnm("reconstruct", "--pretrained", source, picture, "--out", tmp_path / "seen")
        assert done.exit_code == 0, done.output
        done = gnm("figure", "--pretrained", source, "--kind", "samples")
        assert done.exit_code == 0, done.output
        done = gnm(*("evaluate", "--pretrained", source, "--metrics", "s-acc"), "--set", "metrics.s-acc.n=4")
        assert done.exit_code == 0, done.output
    assert (tmp_path / "tiny/figures/samples.png").exists()
    assert (tmp_path / "tiny/evaluation/evaluation.json").exists()
    assert sorted(path for path in shipped.rglob("*")) == before, "nothing is written beside what a package ships"
    done = gnm("evaluate", trained, "--pretrained", "tiny", "--metrics", "s-acc", "--out", "both", "--no-report")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["run", "tiny"]


def test_in_python_it_is_a_run(shipped: Path) -> None:
    run = gnm_core.pretrained("tiny")
    assert (run.step, run.spec.dims.size, run.model.training) == (4, 32, False)
    assert run.model.sample(2).image.shape == (2, 1, 32, 32)
    other = gnm_core.pretrained(shipped)
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sample", "--pretrained", "tiyn", "--out", "a.png"), "did you mean 'tiny'?"),
        (("sample", "--out", "a.png"), "give a RUN, or a model by --pretrained, one of the two"),
        (("sample", "run", "--pretrained", "tiny", "--out", "a.png"), "one of the two"),
        (("reconstruct", "--pretrained", "tiny", "--out", "seen"), "name at least one picture"),
        (("evaluate",), "name a RUN, or a model by --pretrained"),
        (("evaluate", "--pretrained", "tiny", "--pretrained", "tiny"), "named twice"),
        (("pretrained", "tiyn"), "did you mean 'tiny'?"),
    ],
)
def test_mistakes_are_told(shipped: Path, arguments: tuple[str, ...], says: str) -> None:
    done = gnm(*arguments)
    assert done.exit_code == 2, done.output
    assert says in done.output


def test_a_damaged_or_foreign_folder_is_an_error_that_names_the_file(shipped: Path, tmp_path: Path) -> None:
    shutil.copytree(shipped, tmp_path / "mine")
    (tmp_path / "mine/spec.yaml").write_text("model: gnm\n")
    done = gnm("sample", "--pretrained", tmp_path / "mine", "--out", "a.png")
    assert done.exit_code == 2
    assert "mine/spec.yaml is damaged" in done.output
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="not a run"):
        gnm_core.pretrained(tmp_path / "empty")


def test_listing_models_imports_no_torch(zoo: Path) -> None:
    code = (
        "import sys\nfrom gnm_core.cli import main"
        "\ntry: main(['pretrained'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(zoo)},
    )
    assert done.returncode == 0, done.stderr
    assert "tiny" in done.stdout


def test_two_packages_may_ship_a_name_and_both_can_be_reached(shipped: Path, tmp_path: Path) -> None:
    registers = []
    for distribution in ("one", "two"):
        register = Register(Provider(distribution, "1"))
        register.pretrained("toy_zoo:models")
        registers.append(register)
    assert list(registry_of(registers).pretrained) == ["tiny", "two:tiny"]


# Folders of strangers


def forged(shipped: Path, folder: Path, name: str, content: bytes) -> Path:
    """A copy with another file in it, whose checksum fits."""
    shutil.copytree(shipped, folder)
    meta = json.loads((folder / "meta.json").read_text())
    meta["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / name).write_bytes(content)
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def with_nan(content: bytes) -> bytes:
    weights = safetensors.torch.load(content)
    return safetensors.torch.save({name: torch.full_like(tensor, torch.nan) for name, tensor in weights.items()})


def with_shape(content: bytes, shape: list[int]) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    next(about for name, about in header.items() if name != "__metadata__")["shape"] = shape
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("model.safetensors", with_nan, "fails: "),
        ("model.safetensors", lambda b: with_shape(b, [2**40, 2**40]), "model.safetensors is damaged"),
        ("model.safetensors", lambda b: with_shape(b, [-1]), "model.safetensors is damaged"),
        ("spec.yaml", lambda b: b.replace(b"features: 6", b"features: 7"), "the weights do not fit the model"),
        ("spec.yaml", lambda b: b.replace(b"use: gnm", b"use: no-such-model"), "no-such-model"),
        ("spec.yaml", lambda b: b.replace(b"use: gnm", b"use: os:system"), "os:system"),
        ("spec.yaml", lambda b: b + b"base: ../../../../etc/passwd\n", "passwd"),
        ("spec.yaml", lambda b: b + b"more: !!python/object/apply:os.system [id]\n", "spec.yaml"),
    ],
)
def test_what_a_stranger_put_there_is_an_error_in_words(
    shipped: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes], says: str
) -> None:
    changed = change((shipped / name).read_bytes())
    assert changed != (shipped / name).read_bytes()
    folder = forged(shipped, tmp_path / "theirs", name, changed)
    done = gnm("sample", "--pretrained", folder, "-n", 2, "--out", tmp_path / "a.png")
    assert done.exit_code == 2, done.output
    assert says in done.output
    assert isinstance(done.exception, SystemExit)
    assert "fault of gnm itself" not in done.output


@pytest.mark.parametrize("content", ["[" * 100_000, '{"step": 1e999, "files": {}}', "[]", '{"step": 3}', "\0"])
def test_a_damaged_model_among_those_that_packages_ship_is_named(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    folder = Path(shutil.copytree(shipped, tmp_path / "broken"))
    (folder / "meta.json").write_text(content)
    known = installed().pretrained["tiny"]
    monkeypatch.setitem(installed().pretrained, "tiny", replace(known, path=folder))
    done = gnm("pretrained")
    assert done.exit_code == 2, done.output
    assert "broken/meta.json is damaged" in done.output
