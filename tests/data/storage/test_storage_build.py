"""Laws of building a data set on disk."""

import errno
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import filelock
import numpy as np
import pytest
import torch
from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch, Truth
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Recipe, build, files, manifest, read_manifest, verify

RECIPE = Recipe("mnist-4", {"dims": {"size": 32}, "data": {"use": "mnist-4", "seed": 0}}, {"gnm-data": "0.1.0"})
mnist4 = partial(Mnist4, Dims(size=32), digits=EmbeddedDigits())


class Odd(Data):
    """A source whose image number `bad` is what `spoil` makes of it."""

    split = "train"

    def __init__(self, bad: int, spoil: Callable[[Batch], Batch]) -> None:
        self.bad, self.spoil = bad, spoil

    def __len__(self) -> int:
        return 64

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        rows = torch.as_tensor(list(indices))
        truth = Truth(torch.ones(len(rows), 2, dtype=torch.bool), torch.ones(len(rows), 2), torch.ones(len(rows), 2, 4))
        batch = Batch(torch.full((len(rows), 1, 8, 8), 0.5), truth)
        return self.spoil(batch) if self.bad in rows else batch

    def at(self, split: str) -> Data:
        return self


def content(folder: Path) -> dict[str, bytes]:
    """Every file, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a shard is made again."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*.parquet")}


def test_the_same_recipe_makes_the_same_bytes_with_one_or_two_processes(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    for processes in (1, 2):
        seen.clear()
        build(
            mnist4,
            RECIPE,
            tmp_path / str(processes),
            count=300,
            shard_size=70,
            processes=processes,
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen[0] == (0, 300)
        assert seen[-1] == (300, 300)
        assert seen == sorted(seen)
    assert content(tmp_path / "1") == content(tmp_path / "2")
    assert sorted(content(tmp_path / "1")) == [".lock", "manifest.json", *(f"train/0000{i}.parquet" for i in range(5))]


def test_the_manifest_says_what_the_folder_holds(tmp_path: Path) -> None:
    build(mnist4, RECIPE, tmp_path, count=100, shard_size=40)
    build(partial(mnist4, split="validation"), RECIPE, tmp_path, count=10)
    found = read_manifest(tmp_path)
    assert found.recipe == RECIPE
    assert found.image == (1, 32, 32)
    assert [shard.rows for shard in found.splits["train"].shards] == [40, 40, 20]
    assert [shard.rows for shard in found.splits["validation"].shards] == [10]
    for split in found.splits.values():
        for shard in split.shards:
            path = tmp_path / shard.file
            assert (path.stat().st_size, files.sha256_of(path)) == (shard.size, shard.sha256)


def test_repeating_a_build_makes_nothing_again(tmp_path: Path) -> None:
    assert build(mnist4, RECIPE, tmp_path, count=90, shard_size=30).made == 3
    before = stamps(tmp_path)
    assert build(mnist4, RECIPE, tmp_path, count=90, shard_size=30).made == 0
    assert stamps(tmp_path) == before


def test_more_images_make_only_what_is_missing(tmp_path: Path) -> None:
    build(mnist4, RECIPE, tmp_path / "grown", count=70, shard_size=30)
    before = stamps(tmp_path / "grown")
    assert build(mnist4, RECIPE, tmp_path / "grown", count=130, shard_size=30).made == 3
    after = stamps(tmp_path / "grown")
    assert [after[name] == before[name] for name in sorted(before)] == [True, True, False]
    build(mnist4, RECIPE, tmp_path / "whole", count=130, shard_size=30)
    assert content(tmp_path / "grown") == content(tmp_path / "whole")


def test_building_again_mends_damage_and_leaves_the_rest(tmp_path: Path) -> None:
    build(mnist4, RECIPE, tmp_path, count=120, shard_size=30)
    good, before = content(tmp_path), stamps(tmp_path)
    (tmp_path / "train/00000.parquet").unlink()
    hurt = tmp_path / "train/00002.parquet"
    hurt.write_bytes(hurt.read_bytes()[:-100])
    assert build(mnist4, RECIPE, tmp_path, count=120, shard_size=30).made == 2
    assert content(tmp_path) == good
    after = stamps(tmp_path)
    assert [after[name] == before[name] for name in sorted(before)] == [False, True, False, True]


@pytest.mark.parametrize("finished", [True, False])
def test_a_folder_of_another_recipe_is_refused_with_what_differs(tmp_path: Path, finished: bool) -> None:
    build(mnist4, RECIPE, tmp_path, count=60, shard_size=30)
    if not finished:
        manifest.write_plan(tmp_path, manifest.Plan(RECIPE, (1, 32, 32), Mnist4.classes, 256, "train", 60, 30))
        (tmp_path / "manifest.json").unlink()
    before = content(tmp_path)
    other = Recipe("mnist-4", {"dims": {"size": 32}, "data": {"use": "mnist-4", "seed": 7}}, {"gnm-data": "0.2.0"})
    with pytest.raises(DataError) as caught:
        build(mnist4, other, tmp_path, count=60, shard_size=30)
    assert f"{tmp_path}: holds another data set" in str(caught.value)
    assert "spec.data.seed: 0 there, 7 asked for" in str(caught.value)
    assert "providers.gnm-data: 0.1.0 there, 0.2.0 asked for" in str(caught.value)
    assert "use" not in str(caught.value)
    with pytest.raises(DataError, match="shard_size: 30 there, 20 asked for"):
        build(mnist4, RECIPE, tmp_path, count=60, shard_size=20)
    with pytest.raises(DataError, match="count: 60 there, 50 asked for"):
        build(mnist4, RECIPE, tmp_path, count=50, shard_size=30)
    assert content(tmp_path) == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "cat.png").write_bytes(b"a picture")
    with pytest.raises(DataError, match=r"holds other files \(cat\.png, …\)"):
        build(mnist4, RECIPE, tmp_path, count=10)
    assert content(tmp_path) == {"train/cat.png": b"a picture"}
    with pytest.raises(DataError, match=r"cat\.png: is not a folder"):
        build(mnist4, RECIPE, tmp_path / "train" / "cat.png", count=10)


def test_a_second_builder_is_turned_away(tmp_path: Path) -> None:
    build(mnist4, RECIPE, tmp_path, count=10)
    script = (
        "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DataError, match="another build is at work here"):
            build(mnist4, RECIPE, tmp_path, count=20)
        other.kill()
    assert build(mnist4, RECIPE, tmp_path, count=20).split.count == 20


def test_a_manifest_of_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "FORMAT", 2)
    build(mnist4, RECIPE, tmp_path, count=10)
    monkeypatch.undo()
    for use in (read_manifest, verify, lambda folder: build(mnist4, RECIPE, folder, count=10)):
        with pytest.raises(DataError, match=r"manifest\.json: written in format 2, .* up to 1: upgrade gnm-data"):
            use(tmp_path)


def test_a_simulated_full_disk_is_named_and_the_build_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(mnist4, RECIPE, tmp_path / "whole", count=90, shard_size=30)
    room = sum(path.stat().st_size for path in (tmp_path / "whole/train").iterdir()) * 2 // 3
    written, write = 0, files.Digesting.write

    def limited(self: files.Digesting, data: object) -> int:
        nonlocal written
        size = write(self, data)
        written += size
        if written > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return size

    with monkeypatch.context() as patched:
        patched.setattr(files.Digesting, "write", limited)
        with pytest.raises(DataError, match=r"0000[12]\.parquet: cannot be written: No space left on device\n.*kept"):
            build(mnist4, RECIPE, tmp_path / "part", count=90, shard_size=30)
    before = stamps(tmp_path / "part")
    assert before
    assert not list((tmp_path / "part").rglob("*.tmp"))
    build(mnist4, RECIPE, tmp_path / "part", count=90, shard_size=30)
    assert content(tmp_path / "part") == content(tmp_path / "whole")
    assert before.items() <= stamps(tmp_path / "part").items()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_full_disk_is_named_and_the_build_goes_on_later(tmp_path: Path, processes: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        told = r"train/0000\d\.parquet: cannot be written: No space left on device\n.*Finished shards are kept"
        with pytest.raises(DataError, match=told):
            build(mnist4, RECIPE, disk / "set", count=600, shard_size=100, processes=processes)
        before = stamps(disk / "set")
        assert before
        assert not list((disk / "set").rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        build(mnist4, RECIPE, disk / "set", count=600, shard_size=100)
        assert before.items() <= stamps(disk / "set").items()
        build(mnist4, RECIPE, tmp_path / "whole", count=600, shard_size=100)
        assert content(disk / "set") == content(tmp_path / "whole")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"file/set.*: cannot be written: Not a directory"):
        build(mnist4, RECIPE, tmp_path / "file" / "set", count=10)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda batch: replace(batch, image=batch.image * 3), "image 40 holds values outside"),
        (lambda batch: replace(batch, image=batch.image * torch.nan), "image 40 holds values outside"),
        (lambda batch: replace(batch, truth=None), r"images 40 to 49 .*: boxes is absent, expected fixed_size_list"),
        (lambda batch: replace(batch, image=batch.image[..., :4]), r"images 40 to 49 .* images are \(1, 8, 4\)"),
    ],
)
def test_a_source_that_breaks_its_word_is_told_at_once(
    tmp_path: Path, spoil: Callable[[Batch], Batch], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        build(lambda: Odd(40, spoil), RECIPE, tmp_path, shard_size=10)
    assert sorted(stamps(tmp_path)) == [f"0000{i}.parquet" for i in range(4)]


TROUBLED = """
import multiprocessing, os
from gnm_core.errors import OptionError
from gnm_data.scenes.mnist4 import Mnist4

class Dying(Mnist4):
    def batch(self, indices):
        if multiprocessing.parent_process() is not None:
            os._exit(1)
        return super().batch(indices)

class Failing(Mnist4):
    def batch(self, indices):
        if max(indices) >= 40:
            raise OptionError("digits", "ran out of ink")
        return super().batch(indices)
"""


@pytest.mark.parametrize(("kind", "told"), [("Dying", "a worker process died"), ("Failing", "digits: ran out of ink")])
def test_a_worker_in_trouble_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, told: str) -> None:
    (tmp_path / "troubled_scenes.py").write_text(TROUBLED)
    monkeypatch.syspath_prepend(str(tmp_path))
    source = partial(getattr(importlib.import_module("troubled_scenes"), kind), Dims(size=32), digits=EmbeddedDigits())
    with pytest.raises(DataError, match=f"{told}(.|\n)*Finished shards are kept"):
        build(source, RECIPE, tmp_path / "set", count=100, shard_size=20, processes=2)
    assert build(mnist4, RECIPE, tmp_path / "set", count=100, shard_size=20).made >= 3


def test_what_the_format_cannot_hold_is_told_at_once(tmp_path: Path) -> None:
    def add(name: str, value: torch.Tensor) -> Callable[[Batch], Batch]:
        def added(batch: Batch) -> Batch:
            assert batch.truth is not None
            return replace(batch, truth=replace(batch.truth, extra={name: value}))

        return added

    def add_instances(batch: Batch) -> Batch:
        assert batch.truth is not None
        return replace(batch, truth=replace(batch.truth, instances=torch.zeros(1, 4, 4, dtype=torch.uint8)))

    with pytest.raises(DataError, match=r"extra/odd is torch\.bfloat16, which Parquet cannot hold"):
        build(lambda: Odd(0, add("odd", torch.ones(1, dtype=torch.bfloat16))), RECIPE, tmp_path)
    with pytest.raises(DataError, match="C of 1, 3 or 4"):
        build(lambda: Odd(0, lambda b: replace(b, image=b.image.expand(-1, 2, -1, -1))), RECIPE, tmp_path)
    with pytest.raises(DataError, match=r"instances are torch.uint8 \(1, 4, 4\), expected torch.uint8 \(1, 8, 8\)"):
        build(lambda: Odd(0, add_instances), RECIPE, tmp_path)
    assert not content(tmp_path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"count": 0}, "count: 0 is out of range"),
        ({"count": 70_000}, "count: 70000 is out of range: the train split has 1 to 60000"),
        ({"shard_size": 0}, "shard_size: 0 is less than 1"),
        ({"processes": 0}, "processes: 0 is less than 1"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path: Path, options: dict[str, int], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        build(mnist4, RECIPE, tmp_path / "set", **options)
    assert not (tmp_path / "set").exists()


def test_the_lock_ends_with_the_build(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        build(lambda: Odd(40, lambda batch: replace(batch, truth=None)), RECIPE, tmp_path)
    with filelock.FileLock(tmp_path / ".lock", timeout=0):
        pass
