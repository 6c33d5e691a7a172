"""A build that is killed at any moment goes on where it stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Recipe, build, verify

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")

BUILD = """
from functools import partial
from pathlib import Path
import sys
import time
from gnm_core.dims import Dims
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Recipe, build

class Slow(Mnist4):
    def batch(self, indices):
        time.sleep(0.5)
        return super().batch(indices)

if __name__ == "__main__":
    source = partial(Slow, Dims(size=32), digits=EmbeddedDigits())
    build(source, Recipe("mnist-4", {}, {}), Path(sys.argv[1]), count=640, shard_size=32, processes=2)
"""


def test_killed_at_every_moment_a_build_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    driver = Path(__file__).with_name("storage_kills.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}  # threads do not fork
    command = [sys.executable, str(driver), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) > 30
    assert all(case["killed"] for case in told[:-1])
    assert told[-1]["clean"]
    assert {case["kept"] for case in told} == {0, 1, 2}
    assert not [case for case in told if case["made_again"] or not case["same"] or case["problems"]]


def test_killed_with_two_workers_a_build_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(BUILD)
    folder = tmp_path / "set"
    source = partial(Mnist4, Dims(size=32), digits=EmbeddedDigits())
    with subprocess.Popen([sys.executable, str(script), str(folder)]) as builder:
        _until(lambda: any(folder.glob("train/*.parquet")) or builder.poll() is not None)
        workers = _children(builder.pid)
        assert workers
        with pytest.raises(DataError, match="another build is at work here"):
            build(source, Recipe("mnist-4", {}, {}), folder, count=640, shard_size=32)
        builder.send_signal(signal.SIGKILL)
    _until(lambda: not any(_alive(worker) for worker in workers))
    before = {path: path.stat().st_ino for path in folder.glob("train/*.parquet")}
    assert 1 <= len(before) < 20
    built = build(source, Recipe("mnist-4", {}, {}), folder, count=640, shard_size=32)
    assert built.made == 20 - len(before)
    assert before.items() <= {path: path.stat().st_ino for path in folder.glob("train/*.parquet")}.items()
    assert verify(folder) == []


def _until(condition: object, seconds: float = 1200) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    if not listing.exists():
        pytest.skip("this system does not list a process's children")
    return [int(child) for child in listing.read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
