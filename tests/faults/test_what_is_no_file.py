"""A pipe, a device or a folder under a file's name is refused at once, wherever a file is opened."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gnm_core.errors import DataError, GnmError, RunError, SpecError
from gnm_core.gnm.published import read_published
from gnm_core.regular_files import open_file, read_file
from gnm_core.runs.checkpoint import Checkpoint, load_run
from gnm_core.spec import load_spec
from gnm_core.spec.yaml import read_file as read_spec
from gnm_data.digits.idx import read_idx
from gnm_data.storage import read_manifest

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")


@pytest.mark.parametrize(
    ("make", "what"),
    [(os.mkfifo, "a pipe"), (os.mkdir, "a folder"), (lambda path: os.symlink("/dev/zero", path), "a device")],
)
def test_it_is_told_what_is_there_instead(make: Callable[[Path], None], what: str, tmp_path: Path) -> None:
    make(tmp_path / "x")
    with pytest.raises(OSError, match=f"{what}, where a file is expected"):
        open_file(tmp_path / "x")


def test_files_and_links_to_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert read_file(tmp_path / "link") == b"abc"


def checkpoint(path: Path) -> object:
    return Checkpoint(path.parent)


def run(path: Path) -> object:
    return load_run(path.parent)


@pytest.mark.parametrize(
    ("read", "name", "kind"),
    [
        (read_spec, "spec.yaml", SpecError),
        (read_published, "weights.pth", RunError),
        (checkpoint, "meta.json", RunError),
        (run, "meta.json", RunError),
        (lambda path: read_idx(path, (None,)), "train-labels-idx1-ubyte", DataError),
        (lambda path: read_idx(path, (None,)), "train-labels-idx1-ubyte.gz", DataError),
        (lambda path: read_manifest(path.parent), "manifest.json", DataError),
    ],
)
def test_no_reader_waits_for_a_pipe(
    read: Callable[[Path], object], name: str, kind: type[GnmError], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(kind, match="a pipe, where a file is expected") as caught:
        read(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


def test_a_spec_may_come_through_a_pipe_of_the_shell(tmp_path: Path) -> None:
    script = "import sys; from gnm_core.spec import load_spec; print(load_spec(sys.argv[1]).dims.size)"
    command = [sys.executable, "-c", script, "/dev/stdin"]
    spec = "model: gnm\ndims: {size: 32}\n"
    done = subprocess.run(command, input=spec, capture_output=True, text=True, check=True, timeout=1200)
    assert done.stdout == "32\n"


# Paths


def test_a_home_that_nobody_has_is_a_problem_of_the_option() -> None:
    spec = {"model": "gnm", "data": {"use": "image-folder", "dir": "~nobody-of-this-name/pictures"}}
    with pytest.raises(SpecError, match=r"data.dir: '~nobody-of-this-name/pictures' begins with a home") as caught:
        load_spec(spec)
    assert "expected a path" in str(caught.value)
