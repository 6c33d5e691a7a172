"""Whatever stands in a checkpoint's files: it is taken, or it is an error of ours that names the file."""

import hashlib
import io
import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import Junk, Odd, Scratch, Scratches, Wound, damaged, damaged_bytes, endless, quietly, wounds
from gnm_core.errors import GnmError, InternalError, PartError, RunError
from gnm_core.runs.checkpoint import Checkpoint, load_run
from gnm_core.spec import CheckedSpec, load_spec
from gnm_core.training.device import Settings
from gnm_core.training.folder import RunFolder
from gnm_core.training.learner import Learner
from gnm_core.training.loop import start
from gnm_core.training.progress import Silent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

CASES = int(os.environ.get("GNM_CASES") or (2500 if os.environ.get("GNM_TESTS") == "long" else 40))
many = settings(
    max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=CASES == 40, database=None
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE of 8 pixels after three steps, with an optimiser and an objective that keep numbers of their own."""
    folder = tmp_path_factory.mktemp("damage")
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for i in range(12):
        Image.fromarray(random.integers(0, 255, (8, 8), np.uint8)).save(folder / f"pictures/{i}.png")
    spec = {
        "dims": {"channels": 1, "size": 8, "grid": 2, "features": 4, "background": 3},
        "model": {"use": "vae", "hidden": [4, 4]},
        "objective": {"use": "geco", "goal": 0.1},
        "data": {"use": "image-folder", "dir": str(folder / "pictures")},
        "train": {"steps": 6, "batch": 2, "picture_every": 0, "optimizer": {"use": "adam"}},
    }
    start(load_spec(spec), folder / "run", Settings(steps=3, threads=1), Silent())
    return folder / "run"


@pytest.fixture(scope="module")
def spec(run: Path) -> CheckedSpec:
    return load_spec(run / "spec.yaml")


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def checkpoint_of(run: Path) -> Path:
    return run / "checkpoints/step-00000003"


def replace(folder: Path, name: str, content: bytes) -> None:
    """Put a file in place with fitting checksums, as a forger would."""
    meta = json.loads((folder / "meta.json").read_text())
    meta["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / name).write_bytes(content)
    (folder / "meta.json").write_text(json.dumps(meta))


@pytest.fixture(scope="module")
def scratch(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy for all cases of a property; each case writes the file that it damages anew."""
    return Path(shutil.copytree(run, tmp_path_factory.mktemp("scratch") / "run"))


def survives(action: Callable[[], object]) -> None:
    """Nothing but our own errors, and none of them an admission that nobody foresaw this."""
    try:
        quietly(action)
    except (InternalError, PartError) as error:
        raise AssertionError(f"not foreseen: {error}") from error
    except GnmError as error:
        if len(str(error)) > 10_000 or not all(line.isprintable() for line in str(error).split("\n")):
            raise AssertionError(f"no message for a terminal: {error!r}") from error


def go_on(spec: CheckedSpec, run: Path) -> None:
    """Load the state and make a step with it."""
    learner = Learner(spec.model(), spec.objective(), spec.data(), spec.training())
    try:
        learner.load(Checkpoint(checkpoint_of(run)).state())
        learner.advance()
    finally:
        learner.close()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@many
@given(wounds(Odd))
def test_training_state(run: Path, scratch: Path, spec: CheckedSpec, wound: Wound) -> None:
    broken = damaged(torch.load(checkpoint_of(run) / "training.pt", weights_only=True), wound)
    file = io.BytesIO()
    quietly(lambda: torch.save(broken, file))
    replace(checkpoint_of(scratch), "training.pt", file.getvalue())
    survives(lambda: go_on(spec, scratch))


@many
@given(Scratches)
def test_bytes_of_the_training_state(run: Path, scratch: Path, spec: CheckedSpec, how: Scratch) -> None:
    whole = (checkpoint_of(run) / "training.pt").read_bytes()
    replace(checkpoint_of(scratch), "training.pt", damaged_bytes(whole, how))
    survives(lambda: go_on(spec, scratch))


@many
@given(st.one_of(Scratches, wounds(Junk)))
def test_metadata(run: Path, scratch: Path, how: Scratch | Wound) -> None:
    whole = (checkpoint_of(run) / "meta.json").read_bytes()
    path = checkpoint_of(scratch) / "meta.json"
    try:
        path.write_bytes(damaged_json(whole, how))
        survives(lambda: load_run(scratch))
    finally:
        path.write_bytes(whole)


Kinds = st.sampled_from(["F32", "F16", "BF16", "F64", "I64", "BOOL", "F8_E4M3", "F4", "U8", "C64"])


@many
@given(st.one_of(Scratches, wounds(Junk), wounds(Kinds)))
def test_headers_of_the_weights(run: Path, scratch: Path, how: Scratch | Wound) -> None:
    whole = (checkpoint_of(run) / "model.safetensors").read_bytes()
    replace(checkpoint_of(scratch), "model.safetensors", with_header(whole, lambda header: damaged_json(header, how)))
    survives(lambda: load_run(scratch))


def damaged_json(content: bytes, how: Scratch | Wound) -> bytes:
    if isinstance(how, Scratch):
        return damaged_bytes(content, how)
    return json.dumps(damaged(json.loads(content), how)).encode()


def with_header(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A safetensors file with another header, of a length that fits."""
    length = struct.unpack("<Q", content[:8])[0]
    header = change(content[8 : 8 + length])
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


@pytest.mark.parametrize("kind", ["F4", "F8_E4M3", "C64", "nonsense", 7, None])
def test_weights_of_a_kind_of_number_that_nobody_knows_are_damage(copy: Path, kind: object) -> None:
    def change(header: bytes) -> bytes:
        known = json.loads(header)
        next(about for name, about in known.items() if name != "__metadata__")["dtype"] = kind
        return json.dumps(known).encode()

    folder = checkpoint_of(copy)
    replace(folder, "model.safetensors", with_header((folder / "model.safetensors").read_bytes(), change))
    with pytest.raises(RunError, match=r"model\.safetensors is damaged"):
        load_run(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": None}, "files"),
        ({"files": []}, "files"),
        ({"files": "all"}, "files"),
        ({"step": 1e999}, "step"),
        ({"step": "3"}, "step"),
        ({"step": -1}, "step"),
        ({"seconds": "long"}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"threads": 0}, "threads"),
        ({"providers": []}, "providers"),
    ],
)
def test_what_the_metadata_says_is_checked(copy: Path, change: dict[str, Any], message: str) -> None:
    path = checkpoint_of(copy) / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunError, match=rf"meta\.json is damaged: {message}"):
        load_run(copy)


def test_nesting_without_end_is_damage(copy: Path, spec: CheckedSpec) -> None:
    (checkpoint_of(copy) / "meta.json").write_text("[" * 100_000)
    with pytest.raises(RunError, match=r"meta\.json is damaged"):
        load_run(copy)


@pytest.mark.parametrize("kind", ["bool", "int64", "float16", "float64", "bfloat16"])
def test_weights_of_another_kind_of_number_are_refused(copy: Path, kind: str) -> None:
    from safetensors.torch import load_file, save

    folder = checkpoint_of(copy)
    weights = load_file(folder / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name].to(getattr(torch, kind))
    replace(folder, "model.safetensors", save(weights))
    with pytest.raises(RunError, match=rf"{name}: {kind}, expected float32"):
        load_run(copy)


def state_with(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    saved = torch.load(folder / "training.pt", weights_only=True)
    change(saved)
    file = io.BytesIO()
    torch.save(saved, file)
    replace(folder, "training.pt", file.getvalue())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s["optimizers"][0]["state"]["state"][0].update(exp_avg=torch.zeros(9)),
            "'exp_avg' is float32 of shape",
        ),
        (lambda s: s["optimizers"][0]["state"]["state"][0].update(step="3"), "'step' is str"),
        (lambda s: s["began"]["optimizers"][0][0].update(eps={}), "'eps' begins at 1e-08, and it did begin at"),
        (lambda s: s["optimizers"][0]["state"]["param_groups"][0].update(eps={}), "'eps' is {}, expected"),
        (lambda s: s["optimizers"][0]["state"]["param_groups"][0].update(betas=(0.9, "x")), "'betas' is"),
        (lambda s: s["optimizers"][0]["state"]["state"][0].pop("exp_avg_sq"), "has not kept"),
        (lambda s: s["optimizers"][0]["state"].update(state=[]), "state.state"),
        (lambda s: s.update(step=2), "of step 2"),
        (lambda s: s.update(stage=7), "stage 8"),
        (lambda s: s.update(strikes=9), "9 bad steps"),
        (lambda s: s["good"]["model"].popitem(), "missing"),
        (lambda s: s.update(objectives=endless()), "nested without end"),
        (lambda s: s["objectives"].update(x=torch.eye(2).to_sparse()), "sparse"),
        (lambda s: s["optimizers"][0]["names"].pop(), "names for"),
    ],
)
def test_what_the_training_state_says_is_checked(
    copy: Path, spec: CheckedSpec, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    state_with(checkpoint_of(copy), change)
    with pytest.raises(RunError, match=message):
        go_on(spec, copy)


def test_a_bare_tensor_is_no_training_state(copy: Path, spec: CheckedSpec) -> None:
    file = io.BytesIO()
    torch.save(torch.zeros(3), file)
    replace(checkpoint_of(copy), "training.pt", file.getvalue())
    with pytest.raises(RunError, match=r"training\.pt is damaged"):
        go_on(spec, copy)


@pytest.mark.parametrize("name", ["model.safetensors", "training.pt", "spec.yaml", "meta.json"])
def test_a_pipe_in_the_place_of_a_file_blocks_nothing(copy: Path, spec: CheckedSpec, name: str) -> None:
    path = checkpoint_of(copy) / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(GnmError, match="a pipe, where a file is expected"):
        go_on(spec, copy) if name == "training.pt" else load_run(copy)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"threads": "two"}', '{"color": 1}', '{"precision": "fp4"}', "[" * 9999]
)
def test_torn_settings_are_named_and_say_what_to_do(copy: Path, content: str) -> None:
    (copy / "settings.json").write_text(content)
    with pytest.raises(RunError, match=r"settings\.json is damaged.*write \{\} into it"):
        RunFolder(copy).read_settings()
