"""`gnm data build` and `gnm data verify`, as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.errors import DataError
from gnm_core.schema import DataSpec
from gnm_core.spec import load_spec

SMALL = ("mnist-4", "--size", "32", "--count", "60", "--shard-size", "20", "--processes", "1")


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", *map(str, arguments)])


def succeeds(*arguments: object) -> str:
    result = gnm(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: object) -> str:
    """What the command says when it refuses: with exit code 2 and no traceback."""
    result = gnm(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.output


def test_a_data_set_is_built_verified_and_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    assert "60 train images in 3 shards" in succeeds("build", *SMALL, "--out", folder)
    assert "0 made now, 3 kept" in succeeds("build", *SMALL, "--out", folder)
    assert "20 test images in 1 shards" in succeeds(
        "build", "mnist-4", "--size", 32, "--count", 20, "--split", "test", "--processes", 1, "--out", folder
    )
    told = succeeds("verify", folder)
    assert "train: 60 images in 3 shards" in told
    assert "test: 20 images in 1 shards" in told
    sets = ("--set", f"data.dir={folder}", "--set", "dims.channels=1", "--set", "dims.size=32")
    succeeds("show", "parquet", *sets, "-n", 9, "--boxes", "--out", tmp_path / "stored.png")
    succeeds("show", "mnist-4", "--size", 32, "-n", 9, "--boxes", "--out", tmp_path / "made.png")
    assert (tmp_path / "stored.png").read_bytes() == (tmp_path / "made.png").read_bytes()


def test_damage_ends_verify_with_2_and_names_the_shard(tmp_path: Path) -> None:
    succeeds("build", *SMALL, "--out", tmp_path)
    (tmp_path / "train/00001.parquet").unlink()
    told = refused("verify", tmp_path)
    assert "train/00001.parquet: missing" in told
    assert "00000" not in told
    assert "1 made now, 2 kept" in succeeds("build", *SMALL, "--out", tmp_path)
    succeeds("verify", tmp_path)
    assert "no such file" in refused("verify", tmp_path / "nowhere")


def test_the_manifest_holds_the_resolved_spec_and_who_made_it(tmp_path: Path) -> None:
    succeeds("build", *SMALL, "--seed", 3, "--out", tmp_path)
    recipe = json.loads((tmp_path / "manifest.json").read_text())["recipe"]
    assert recipe["part"] == "mnist-4"
    assert list(recipe["providers"]) == ["gnm-data"]
    assert recipe["spec"]["data"]["seed"] == 3
    assert recipe["spec"]["data"]["digits"] == {"use": "embedded"}
    assert recipe["spec"]["dims"]["size"] == 32
    assert "split" not in recipe["spec"]["data"]
    assert len(load_spec(recipe["spec"], top=DataSpec).data()) == 60_000


def test_a_spec_and_a_name_build_the_same(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("dims: {channels: 1, size: 32}\nmodel: gnm\ndata: {use: mnist-4, seed: 5}\n")
    rest = ("--count", 30, "--processes", 1, "--out")
    succeeds("build", "--spec", spec, "--set", "dims.grid=4", *rest, tmp_path / "a")
    succeeds("build", "mnist-4", "--seed", 5, "--size", 32, *rest, tmp_path / "b")
    assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    assert "Give the NAME of a data set or a --spec" in refused("build", "--out", tmp_path / "x")
    assert "no data named 'mnist-5'" in refused("build", "mnist-5", "--out", tmp_path / "x")
    assert "count: 70000 is out of range" in refused("build", "mnist-4", "--count", 70000, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    succeeds("build", *SMALL, "--out", tmp_path / "scenes")
    told = refused("build", *SMALL, "--seed", 1, "--out", tmp_path / "scenes")
    assert "holds another data set" in told
    assert "spec.data.seed: 0 there, 1 asked for" in told


def test_a_model_is_composed_where_its_data_set_is_not(tmp_path: Path) -> None:
    data = {"use": "parquet", "dir": str(tmp_path / "nowhere")}
    spec = load_spec({"dims": {"size": 32}, "model": "gnm", "data": data})
    assert spec.model().dims.size == 32
    with pytest.raises(DataError, match="nowhere: no such folder"):
        spec.data()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    # A process that is started in the background may have been told to ignore Ctrl-C; this one shall hear it.
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{hears}; from gnm_core.cli import main; main()", "data", "build", "mnist-4"]
    command += ["--size", "32", "--shard-size", "250", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as builder:
        while builder.poll() is None and not list(tmp_path.glob("train/*.parquet")):
            time.sleep(0.01)
        try:
            builder.send_signal(signal.SIGINT)
            told = builder.communicate(timeout=1200)[1]
        finally:
            builder.kill()
    assert builder.returncode == 130
    assert "finished shards are kept: repeat the command to go on" in told
    assert "Traceback" not in told
    assert not list(tmp_path.rglob("*.tmp"))
    assert "unfinished" in refused("verify", tmp_path)
