"""Compiled code is found, compiled once, and loaded only if nobody else can have written it and it is whole."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from gnm_core.native import cache, library, processor
from gnm_core.native.call import LAYERS, Functions

pytestmark = [
    pytest.mark.skipif(not LAYERS.can_take(), reason=f"nothing in C: {LAYERS.why_not()}"),
    pytest.mark.filterwarnings("default:.*compiled anew:UserWarning"),
]

ADD = """
#include <stdint.h>
int add_one(float *x, int64_t n, int threads)
{
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < n; i++)
        x[i] += 1.f;
    return 0;
}
"""
EVIL = """
#include <stdlib.h>
__attribute__((constructor)) static void run(void) { abort(); }
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """A folder of C with a cache of its own."""
    folder = tmp_path / "csrc"
    folder.mkdir()
    (folder / "add.c").write_text(ADD)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    return Functions(folder, ("add_one",))


def adds(functions: Functions) -> bool:
    """Whether it computes what it should, after looking for its library anew."""
    library._found.pop(functions.folder, None)
    x = torch.zeros(1000)
    Functions(functions.folder, functions.names).call("add_one", x, len(x))
    return bool((x == 1).all())


def kept(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "cache" / "gnm").iterdir()
    return path


def linked(tmp_path: Path, text: str) -> bytes:
    """A sound library."""
    source, built = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text(text)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, source], check=True)
    return built.read_bytes()


def test_a_library_is_compiled_once(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    before = kept(tmp_path).stat()
    assert adds(code)
    assert kept(tmp_path).stat().st_mtime_ns == before.st_mtime_ns
    assert stat.S_IMODE(kept(tmp_path).parent.stat().st_mode) == 0o700


def test_another_source_is_compiled_anew(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    (code.folder / "add.c").write_text(ADD.replace("+= 1.f", "+= 2.f"))
    assert not adds(code)
    assert len(list((tmp_path / "cache" / "gnm").iterdir())) == 2


@pytest.mark.parametrize("size", [0, 1, 4096, 10_000, -1])
def test_a_torn_library_is_compiled_again(size: int, code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    whole = kept(tmp_path).read_bytes()
    os.truncate(kept(tmp_path), size % len(whole))
    assert adds(code)
    assert kept(tmp_path).read_bytes() == whole


def test_a_library_of_layers_may_be_torn_anywhere(tmp_path: Path) -> None:
    """Cut where loading it would end the process by a signal."""
    code = "from gnm_core.native.call import LAYERS; print(LAYERS.can_take(), LAYERS.why_not())"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    for size in (None, 4096, 39_000):
        if size is not None:
            (path,) = (tmp_path / "gnm").iterdir()
            os.truncate(path, size)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "True None\n"


def test_a_bit_that_turned_is_noticed(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    path, whole = kept(tmp_path), kept(tmp_path).read_bytes()
    path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    assert adds(code)
    assert kept(tmp_path).read_bytes() == whole


def test_a_library_under_anothers_name_is_not_loaded(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    kept(tmp_path).write_bytes(linked(tmp_path, EVIL))
    assert adds(code)


def test_a_sound_library_without_our_functions_is_compiled_again(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    path, other = kept(tmp_path), tmp_path / "new.so"
    other.write_bytes(linked(tmp_path, "int something_else(void) { return 1; }"))
    key = path.stem.rpartition("-")[0]
    path.unlink()
    cache.keep(other, path.parent, key)
    assert adds(code)
    assert kept(tmp_path) == path


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_nothing_is_loaded_from_a_folder_that_others_can_write(mode: int, code: Functions, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "gnm"
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.warns(UserWarning, match=f"others can write there \\(mode {mode:o}\\)"):
        assert adds(code)
    assert not list(folder.iterdir())


def test_a_file_that_others_can_write_is_not_loaded(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    kept(tmp_path).chmod(0o666)
    assert adds(code)
    assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_not_loaded(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    os.chown(kept(tmp_path), 12_345, 12_345)
    assert adds(code)
    assert kept(tmp_path).stat().st_uid == 0
    os.chown(kept(tmp_path).parent, 12_345, 12_345)
    with pytest.warns(UserWarning, match="it belongs to user 12345, and this is user 0"):
        assert adds(code)


def test_a_link_is_not_followed(code: Functions, tmp_path: Path) -> None:
    assert adds(code)
    path = kept(tmp_path)
    path.rename(tmp_path / "elsewhere.so")
    path.symlink_to(tmp_path / "elsewhere.so")
    assert adds(code)
    assert not kept(tmp_path).is_symlink()


def test_processes_may_compile_at_the_same_moment(code: Functions, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\nsleep 0.3\nexec cc "$@"\n')
    slow.chmod(0o700)
    program = (
        "import sys, time, torch; from pathlib import Path; from gnm_core.native.call import Functions\n"
        "x = torch.zeros(10); functions = Functions(Path(sys.argv[1]), ('add_one',))\n"
        "Path(sys.argv[2]).touch()\n"
        "while not Path(sys.argv[3]).exists(): time.sleep(0.001)\n"
        "functions.call('add_one', x, len(x)); print(x.sum().item())"
    )
    ready, go = [tmp_path / f"ready{i}" for i in range(3)], tmp_path / "go"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(code.folder), str(mine), str(go)],
            env={**os.environ, "CC": str(slow)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for mine in ready
    ]
    deadline = time.monotonic() + 300
    while not all(mine.exists() for mine in ready) and time.monotonic() < deadline:
        time.sleep(0.01)
    go.touch()
    assert [process.communicate(timeout=300)[0] for process in running] == ["10.0\n"] * 3
    for path in (tmp_path / "cache" / "gnm").iterdir():
        assert cache._load_whole(path) is not None


def test_a_name_that_no_file_has_is_said(code: Functions) -> None:
    other = Functions(code.folder, ("add_one", "add_two"))
    with pytest.warns(UserWarning, match="one of the functions add_one, add_two is not in the files"):
        assert not other.can_take()


def test_a_wheels_library_is_taken_before_any_compiler(
    code: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert adds(code)
    (best,) = list(processor.LEVELS)[-1:]
    monkeypatch.setattr(processor, "features", lambda: best.features)
    (code.folder / f"{best.name}.so").write_bytes(kept(tmp_path).read_bytes())
    monkeypatch.setenv("CC", "nocc")
    assert adds(code)


def test_without_a_home_there_is_none(code: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert not code.can_take()
    assert "set XDG_CACHE_HOME" in str(code.why_not())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("GNM_NATIVE", "0", "GNM_NATIVE is 0"), ("CC", "nocc", "there is no C compiler 'nocc'")],
)
def test_what_is_missing_is_said(
    name: str, value: str, reason: str, code: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert not code.can_take()
    assert code.why_not() == reason


def test_a_compiler_that_fails_is_said(code: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    with pytest.warns(UserWarning, match="PyTorch's own operations run instead"):
        assert not code.can_take()
    assert str(code.why_not()).startswith("they could not be compiled")


def test_the_compiler_may_have_arguments(code: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "cc -g0")
    assert adds(code)
