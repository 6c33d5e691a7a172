"""Checkpoints are whole or absent, strict, and never run code."""

import errno
import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_core import files
from gnm_core.errors import RunError
from gnm_core.runs.checkpoint import Checkpoints, load_run
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume, start
from gnm_core.training.progress import Silent
from safetensors.torch import load_file, save_file

Toy = Callable[..., dict[str, Any]]


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def run(tmp_path: Path, toy: Toy) -> Path:
    """A run of 12 steps with checkpoints of steps 4, 8 and 12."""
    start(load_spec(toy()), tmp_path / "run", Settings(), Silent())
    return tmp_path / "run"


def checkpoint(run: Path, step: int) -> Path:
    return run / f"checkpoints/step-{step:08d}"


def seal(folder: Path) -> None:
    """Make the checksums fit again, as a forger would."""
    import hashlib

    meta = json.loads((folder / "meta.json").read_text())
    for name in meta["files"]:
        content = (folder / name).read_bytes()
        meta["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "meta.json").write_text(json.dumps(meta))


def test_a_run_holds_what_it_should(run: Path) -> None:
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    whole = {"meta.json", "model.safetensors", "spec.yaml", "training.pt"}
    expected = {f"checkpoints/step-{step:08d}/{name}" for step in (4, 8, 12) for name in whole}
    assert names - {".lock"} == expected | {"spec.yaml", "settings.json", "metrics.jsonl"}
    meta = json.loads((checkpoint(run, 8) / "meta.json").read_text())
    assert meta["step"] == 8
    assert meta["torch"] == torch.__version__
    assert meta["providers"]["toy"] == "1.0"
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [5, 10, 12]
    assert {"elbo", "kl.code", "auxiliary.size", "objects", "loss", "gradient"} <= records[0].keys()
    assert load_spec(run / "spec.yaml").resolved() == load_spec(checkpoint(run, 8) / "spec.yaml").resolved()


def test_a_loaded_model_has_the_weights_and_leaves_the_random_state_alone(run: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    loaded = load_run(run)
    assert torch.equal(torch.rand(3), expected)
    assert (loaded.step, loaded.model.training, loaded.folder) == (12, False, checkpoint(run, 12))
    saved = load_file(checkpoint(run, 12) / "model.safetensors")
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, saved[name]), name
    assert load_run(run, step=4).step == 4
    assert load_run(checkpoint(run, 8)).step == 8


def test_only_the_newest_are_kept(tmp_path: Path, toy: Toy) -> None:
    start(load_spec(toy(checkpoint_every=2, keep=2)), tmp_path / "run", Settings(), Silent())
    assert Checkpoints(tmp_path / "run").steps() == [10, 12]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        load_run(tmp_path / "missing")
    with pytest.raises(RunError, match=r"not a run .* and not a checkpoint"):
        load_run(tmp_path)


def test_a_run_without_checkpoints_cannot_be_loaded_but_begins_again(run: Path) -> None:
    before = (checkpoint(run, 12) / "model.safetensors").read_bytes()
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(RunError, match="no checkpoint yet"):
        load_run(run)
    resume(run, Settings(), Silent())
    assert (checkpoint(run, 12) / "model.safetensors").read_bytes() == before


def test_an_unknown_step_names_those_that_there_are(run: Path) -> None:
    with pytest.raises(RunError, match="no checkpoint of step 5; there is 4, 8, 12"):
        load_run(run, step=5)


@pytest.mark.parametrize("name", ["model.safetensors", "training.pt", "spec.yaml"])
def test_a_damaged_file_is_named_and_nothing_older_is_taken_in_silence(run: Path, name: str) -> None:
    path = checkpoint(run, 12) / name
    whole = path.read_bytes()
    for damaged, reason in (
        (whole[: len(whole) // 2], rf"{name} is damaged: \d+ bytes, expected"),
        (whole[:-1] + bytes([whole[-1] ^ 1]), rf"{name} is damaged: .*sha256"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=reason):
            resume(run, Settings(), Silent())
    path.unlink()
    with pytest.raises(RunError, match=rf"{name}: cannot be read: No such file(.|\n)*--at 8"):
        resume(run, Settings(), Silent())
    assert Checkpoints(run).steps() == [4, 8, 12]


def test_an_earlier_checkpoint_is_taken_when_asked_for_and_later_ones_are_set_aside(run: Path) -> None:
    expected = (checkpoint(run, 12) / "model.safetensors").read_bytes()
    (checkpoint(run, 12) / "training.pt").write_bytes(b"")
    notes = Notes()
    resume(run, Settings(), notes, at=4)
    assert (checkpoint(run, 12) / "model.safetensors").read_bytes() == expected
    aside = sorted(path.name[:13] for path in (run / "set-aside").iterdir())
    assert aside == ["step-00000008", "step-00000012"]
    assert len([text for text in notes.said if text.startswith("set aside")]) == 2


def test_broken_metadata_is_named(run: Path) -> None:
    (checkpoint(run, 12) / "meta.json").write_text("{")
    with pytest.raises(RunError, match=r"meta\.json is damaged"):
        load_run(run)
    (checkpoint(run, 12) / "meta.json").write_text(json.dumps({"format": 99, "step": 12, "files": {}}))
    with pytest.raises(RunError, match="format 99; this version of gnm-core reads format 1"):
        load_run(run)


def test_truncated_weights_are_refused_even_with_fitting_checksums(run: Path) -> None:
    path = checkpoint(run, 12) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    seal(path.parent)
    with pytest.raises(RunError, match=r"model\.safetensors is damaged"):
        load_run(run)


class Malice:
    """Unpickles to a call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/gnm-was-here",)


def test_code_in_a_checkpoint_never_runs(run: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    Malice.__reduce__ = lambda self: (os.system, (f"touch {mark}",))  # type: ignore[method-assign]
    path = checkpoint(run, 12) / "training.pt"
    for content in (pickle.dumps(Malice(), protocol=2), None):
        if content is None:
            torch.save({"step": Malice()}, path)
        else:
            path.write_bytes(content)
        seal(path.parent)
        with pytest.raises(RunError, match=r"training\.pt: refused: it is damaged, or holds code"):
            resume(run, Settings(), Silent())
    assert not mark.exists()


def test_weights_that_do_not_fit_are_all_named(run: Path) -> None:
    path = checkpoint(run, 12) / "model.safetensors"
    weights = load_file(path)
    del weights["code.bias"]
    weights["extra"] = torch.zeros(2)
    weights["decoder.weight"] = torch.zeros(3, 4)
    save_file(weights, path)
    seal(path.parent)
    with pytest.raises(RunError) as caught:
        load_run(run)
    text = str(caught.value)
    assert "missing: code.bias" in text
    assert "not in the model: extra" in text
    assert "decoder.weight: shape (3, 4), expected (64, 4)" in text


def test_a_checkpoint_of_another_spec_is_refused(run: Path, tmp_path: Path, toy: Toy) -> None:
    other = tmp_path / "other"
    start(load_spec(toy({"noise": False})), other, Settings(), Silent())
    shutil.rmtree(checkpoint(other, 12))
    shutil.copytree(checkpoint(run, 12), checkpoint(other, 12))
    for load in (lambda: load_run(other), lambda: resume(other, Settings(), Silent())):
        with pytest.raises(RunError, match=r"is of another spec: model\.noise is True there and False here"):
            load()


def test_the_model_cannot_change_on_the_way_but_the_training_can(run: Path) -> None:
    with pytest.raises(RunError, match=r"another spec: model\.noise"):
        resume(run, Settings(), Silent(), overrides=["model.noise=false"])
    outcome = resume(run, Settings(), Silent(), overrides=["train.steps=14"])
    assert (outcome.step, outcome.total) == (14, 14)
    assert load_spec(run / "spec.yaml").training().steps == 14


def test_another_optimiser_on_the_way_is_refused(run: Path) -> None:
    with pytest.raises(RunError, match=r"optimisers are \['RMSprop'\], the spec's \['Adam'\]"):
        resume(run, Settings(), Silent(), overrides=["train.steps=14", "train.optimizer=adam"])


def test_half_written_checkpoints_are_ignored_and_cleaned(run: Path) -> None:
    for name in (".step-00000016.tmp", ".step-00000004.gone"):
        (run / "checkpoints" / name).mkdir()
    assert load_run(run).step == 12
    resume(run, Settings(), Silent())
    assert sorted(path.name for path in (run / "checkpoints").iterdir())[0] == "step-00000004"


def test_a_finished_run_has_nothing_left_to_do(run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert resume(run, Settings(), Silent()).step == 12
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_full_disk_is_named_and_costs_nothing_saved_before(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = files.write

    def full(path: Path, content: bytes) -> None:
        if path.name == "training.pt":
            path.write_bytes(content[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(path, content)

    monkeypatch.setattr("gnm_core.runs.checkpoint.write", full)
    with pytest.raises(RunError, match=r"step-00000014: cannot be written: the disk is full; .*step 12 is intact"):
        resume(run, Settings(), Silent(), overrides=["train.steps=14"])
    assert Checkpoints(run).steps() == [4, 8, 12]
    assert not [path for path in (run / "checkpoints").iterdir() if path.name.startswith(".")]
    assert load_run(run).step == 12
    monkeypatch.undo()
    assert resume(run, Settings(), Silent(), overrides=["train.steps=14"]).step == 14


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small file system here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_really_is_full(small_disk: Path, toy: Toy) -> None:
    with pytest.raises(RunError, match="the disk is full"):
        start(load_spec(toy(steps=100, keep=100)), small_disk / "run", Settings(), Silent())
    steps = Checkpoints(small_disk / "run").steps()
    assert steps
    assert load_run(small_disk / "run").step == steps[-1]
    shutil.rmtree(small_disk / "run/checkpoints/step-00000004")
    assert resume(small_disk / "run", Settings(), Silent(), overrides=["train.keep=1"]).step == 100


def test_a_place_where_no_folder_can_be_is_named(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make this folder"):
        start(load_spec(toy()), tmp_path / "file/run", Settings(), Silent())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; as root, tests/faults/test_another_user.py")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(RunError, match="permission denied"):
        start(load_spec(toy()), tmp_path / "locked/run", Settings(), Silent())
