"""What a wheel carries: a library for each kind of processor, and one is chosen at load."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from gnm_core.native import processor
from gnm_core.native.processor import LEVELS, carried, is_x86_64
from gnm_core.native.wheel import Carried

C = "int answer(float *x, int threads) { x[0] = 42; return 0; }\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "package/csrc").mkdir(parents=True)
    (tmp_path / "package/csrc/answer.c").write_text(C)
    return tmp_path


@pytest.mark.skipif(not (is_x86_64() and shutil.which("cc")), reason="wheels carry libraries of x86-64")
def test_a_wheel_carries_a_library_for_each_kind_of_processor(source: Path) -> None:
    build_data: dict[str, Any] = {"force_include": {}}
    libraries = Carried(source, "package/csrc")
    assert "amx, avx512, avx2" in libraries.add_to(build_data)
    assert list(build_data["force_include"].values()) == [f"package/csrc/{level.name}.so" for level in LEVELS]
    assert all(Path(built).read_bytes()[:4] == b"\x7fELF" for built in build_data["force_include"])
    assert build_data["tag"] == "py3-none-manylinux_2_17_x86_64"
    assert build_data["pure_python"] is False
    libraries.remove()
    assert not any(Path(built).exists() for built in build_data["force_include"])


def test_without_a_compiler_the_wheel_is_pure(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "nocc")
    build_data: dict[str, Any] = {"force_include": {}}
    assert "carries no compiled libraries" in Carried(source, "package/csrc").add_to(build_data) or not is_x86_64()
    assert build_data == {"force_include": {}}


@pytest.mark.parametrize(
    ("extra", "chosen"),
    [("", []), ("avx2 fma bmi1 bmi2 f16c abm movbe", ["avx2"]), ("avx512f avx512bw avx512cd avx512dq avx512vl", [])],
)
def test_only_what_the_processor_has_is_chosen(
    extra: str, chosen: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for level in LEVELS:
        (tmp_path / f"{level.name}.so").touch()
    monkeypatch.setattr(processor, "is_x86_64", lambda: True)
    monkeypatch.setattr(processor, "features", lambda: frozenset(extra.split()))
    assert [path.stem for path in carried(tmp_path)] == chosen


def test_the_best_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for level in LEVELS:
        (tmp_path / f"{level.name}.so").touch()
    monkeypatch.setattr(processor, "is_x86_64", lambda: True)
    monkeypatch.setattr(processor, "features", lambda: LEVELS[0].features)
    assert [path.stem for path in carried(tmp_path)] == ["amx", "avx512", "avx2"]
