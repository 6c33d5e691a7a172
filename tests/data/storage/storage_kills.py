"""Run by test_storage_kill: kill a build with SIGKILL at every moment that matters, then let it go on.

Every write, replace and unlink of a build is one moment. For each, a builder dies just there (a write is left half
done); another then repeats the build, as a user would, and one line of JSON tells what it found. Each of them is a fork
of this process, which itself touches no data: a fork of a process whose threads hold locks may wait for them for ever.
"""

import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
from gnm_core.dims import Dims
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Recipe, build, files, verify
from gnm_data.storage.manifest import read_manifest, read_record

COUNT, SHARD_SIZE = 12, 8
SOURCE = partial(Mnist4, Dims(size=32), digits=EmbeddedDigits())
RECIPE = Recipe("mnist-4", {"data": {"use": "mnist-4"}}, {"gnm-data": "0.1.0"})


def make(folder: Path) -> None:
    build(SOURCE, RECIPE, folder, count=COUNT, shard_size=SHARD_SIZE)


def die_at(moment: int) -> None:
    """Kill this process at its `moment`-th step that touches the disk."""
    moments = count()
    write = files.Digesting.write

    def dies() -> bool:
        return next(moments) == moment

    def guarded(call: Any) -> Any:
        def wrapper(*args: Any, **options: Any) -> Any:
            if dies():
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        return wrapper

    def half_written(self: files.Digesting, data: Any) -> int:
        if dies():
            self.file.write(memoryview(data)[: len(memoryview(data)) // 2])
            self.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return write(self, data)

    os.replace = guarded(os.replace)
    Path.unlink = guarded(Path.unlink)  # type: ignore[method-assign]
    files.Digesting.write = half_written  # type: ignore[method-assign]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def finished(folder: Path) -> dict[str, int]:
    """Inode of every shard that some record vouches for."""
    files_there = [path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")]
    known = {file for file in files_there if read_record(folder, file)}
    if (folder / "manifest.json").exists():
        known |= {shard.file for split in read_manifest(folder).splits.values() for shard in split.shards}
    assert set(files_there) <= known, "a shard has its name before its record"
    return {file: (folder / file).stat().st_ino for file in files_there}


def forked(work: Callable[[], object]) -> int:
    """The exit status of `work` in a process of its own; minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die(folder: Path, moment: int) -> None:
    die_at(moment)
    make(folder)


def go_on(folder: Path, whole: Path, status: int) -> None:
    """Repeat the build, and tell what was there before and after."""
    kept = finished(folder)
    make(folder)
    again = {file: (folder / file).stat().st_ino for file in kept}
    told = {
        "killed": status == -signal.SIGKILL,
        "clean": status == 0,
        "kept": len(kept),
        "made_again": [file for file in kept if again[file] != kept[file]],
        "same": content(folder) == content(whole),
        "problems": verify(folder),
    }
    print(json.dumps(told), flush=True)


def main(root: Path) -> None:
    folder, whole = root / "killed", root / "whole"
    torch.set_num_threads(1)
    SOURCE().batch([0])  # what is slow to load, once and for all forks
    assert threading.active_count() == 1
    assert forked(partial(make, whole)) == 0
    for moment in count():
        shutil.rmtree(folder, ignore_errors=True)
        status = forked(partial(die, folder, moment))
        assert forked(partial(go_on, folder, whole, status)) == 0
        if status != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
