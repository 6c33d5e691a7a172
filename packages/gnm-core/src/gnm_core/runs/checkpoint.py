"""Checkpoints: folders that appear as a whole, are read strictly, and never run code.

A checkpoint is `RUN/checkpoints/step-XXXXXXXX/`: `model.safetensors` (the weights), `training.pt` (optimisers,
objective, random state), `spec.yaml` (the resolved spec) and `meta.json` (step, versions, checksums).
"""

import hashlib
import io
import itertools
import json
import platform
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch

from gnm_core.contracts import Model
from gnm_core.errors import OtherVersions, RunError
from gnm_core.files import os_errors_as, remove_folder, sync_folder, write
from gnm_core.plugin_files import changes, files_of
from gnm_core.plugins import installed
from gnm_core.printable import said_by
from gnm_core.randomness import borrowed_random_state, random_state
from gnm_core.regular_files import read_file
from gnm_core.runs.contents import FileNote, read_meta, read_training
from gnm_core.runs.half_precision import DECLARED, HALF, widened
from gnm_core.runs.same_model import require_same_model
from gnm_core.runs.state import Began, LearnerState, Snapshot, load_strictly
from gnm_core.spec.checked import CheckedSpec, load_spec

FORMAT = 1
BEST = "best"
"""Folder of the best checkpoint, and what it goes by."""
NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True)
class Run:
    """A model as a training left it."""

    model: Model
    """In evaluation mode."""
    spec: CheckedSpec
    step: int
    """Steps of training that it has had."""
    folder: Path
    """The checkpoint that it came from."""

    def __repr__(self) -> str:
        """A line: a model and its spec would fill a notebook."""
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        name = type(self.model).__name__
        return f"Run({name} of {parameters:,} parameters, step {self.step:,}, {str(self.folder)!r})"


class Checkpoints:
    """The checkpoints of one run.

    Args:
        run: the run's folder.
        name: the folder in it: `checkpoints`, or `best` for the best one by a metric.
    """

    def __init__(self, run: Path, name: str = "checkpoints") -> None:
        self.run, self.folder = run, run / name

    def path(self, step: int) -> Path:
        """Where the checkpoint of `step` is or would be."""
        return self.folder / f"step-{step:08d}"

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, ascending. Half-written ones do not count."""
        if not self.folder.is_dir():
            return []
        return sorted(int(match[1]) for entry in self.folder.iterdir() if (match := NAME.fullmatch(entry.name)))

    def newest(self, step: int | None = None) -> int:
        """The newest step, or `step` itself if it has a checkpoint.

        Raises:
            RunError: there is no such checkpoint.
        """
        steps = self.steps()
        if not steps:
            which = "checkpoint" if self.folder.name == "checkpoints" else f"{self.folder.name} checkpoint"
            raise RunError(f"{self.run}: no {which} yet")
        if step is not None and step not in steps:
            raise RunError(f"{self.run}: no checkpoint of step {step}; there is {', '.join(map(str, steps))}")
        return steps[-1] if step is None else step

    def clean(self) -> None:
        """Remove what an interrupted save left behind."""
        if self.folder.is_dir():
            for entry in self.folder.iterdir():
                if entry.name.startswith("."):
                    shutil.rmtree(entry, ignore_errors=True)

    def save(self, state: LearnerState, spec: CheckedSpec, keep: int, **meta: object) -> Path:
        """Write a checkpoint, then remove all but the newest `keep`.

        Args:
            state: what to save.
            spec: the run's spec.
            keep: how many checkpoints stay.
            meta: more to put into `meta.json`.

        Raises:
            RunError: it cannot be written; earlier checkpoints are untouched.
        """
        steps = [step for step in self.steps() if step != state.step]
        still_safe = f"the checkpoint of step {steps[-1]} is intact" if steps else "there is no earlier checkpoint"
        final = self.path(state.step)
        temporary = final.with_name(f".{final.name}.tmp")
        with os_errors_as(RunError, f"{final}: cannot be written", still_safe):
            self.folder.mkdir(exist_ok=True)  # without parents: a run whose folder is gone does not come back in pieces
            shutil.rmtree(temporary, ignore_errors=True)
            try:
                _write_checkpoint(temporary, state, spec, meta)
                if final.exists():
                    remove_folder(final)
                temporary.rename(final)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            sync_folder(self.folder)
        self.prune(keep)
        return final

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep` checkpoints."""
        for step in self.steps()[:-keep]:
            with os_errors_as(RunError, f"{self.path(step)}: cannot be removed"):
                remove_folder(self.path(step))

    def forget(self, after: int) -> None:
        """Remove the checkpoints of later steps: a training that goes on makes them again."""
        self.clean()
        for step in [step for step in self.steps() if step > after]:
            with os_errors_as(RunError, f"{self.path(step)}: cannot be removed"):
                remove_folder(self.path(step))

    def set_aside(self, after: int) -> list[Path]:
        """Move the checkpoints of later steps to `RUN/set-aside/`, and say where they are now."""
        moved = []
        with os_errors_as(RunError, f"{self.run}: cannot set later checkpoints aside"):
            for step in [step for step in self.steps() if step > after]:
                aside = self.run / "set-aside"
                aside.mkdir(exist_ok=True)
                names = (f"{self.path(step).name}-{number}" for number in itertools.count(1))
                target = next(aside / name for name in names if not (aside / name).exists())
                self.path(step).rename(target)
                moved.append(target)
        return moved


def _write_checkpoint(folder: Path, state: LearnerState, spec: CheckedSpec, meta: Mapping[str, object]) -> None:
    training = io.BytesIO()
    torch.save(
        {
            "step": state.step,
            "stage": state.stage,
            "strikes": state.nonfinite_steps,
            "returns": state.returns,
            "objectives": state.now.objectives,
            "optimizers": state.now.optimizers,
            "good": vars(state.good),
            "began": vars(state.began) if state.began is not None else None,
            "trained": {name: state.now.model[name] for name in state.used},
            "random": random_state(),
        },
        training,
    )
    weights = {name: tensor.cpu().contiguous() for name, tensor in (state.now.model | state.used).items()}
    contents = {
        "model.safetensors": safetensors.torch.save(weights, metadata={"format": "pt"}),
        "training.pt": training.getvalue(),
        "spec.yaml": spec.to_yaml().encode(),
    }
    about = {
        "format": FORMAT,
        "step": state.step,
        "stage": state.stage,
        "providers": spec.providers(),
        "plugin_files": files_of(spec.providers()),
        "torch": torch.__version__,
        "python": platform.python_version(),
        **meta,
        "threads": torch.get_num_threads(),
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        },
    }
    folder.mkdir()
    for name, content in contents.items():
        write(folder / name, content)
    write(folder / "meta.json", json.dumps(about, indent=2).encode())
    sync_folder(folder)


class Checkpoint:
    """One checkpoint on disk.

    Args:
        folder: `RUN/checkpoints/step-XXXXXXXX`.

    Raises:
        RunError: it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with os_errors_as(RunError, f"{folder}: cannot be read"):
            content = read_file(folder / "meta.json")
        self.meta = read_meta(content, folder / "meta.json", FORMAT)
        """What is known of it, as `contents.Meta` says."""
        self.step: int = self.meta["step"]
        self._files: dict[str, FileNote] = self.meta["files"]

    def spec(self) -> CheckedSpec:
        """The resolved spec that it was trained by."""
        self._content("spec.yaml")
        return load_spec(self.folder / "spec.yaml", recorded=True)

    def weights(self) -> dict[str, torch.Tensor]:
        """The model's tensors, by name; those that `meta.json` declares as float16 are widened to float32."""
        content = self._content("model.safetensors")
        try:
            tensors = safetensors.torch.load(content)
        except Exception as error:  # of unknown kinds of numbers it raises KeyError, and others of other damage
            raise RunError(f"{self.folder / 'model.safetensors'} is damaged: {said_by(error)}") from error
        return widened(tensors) if self.meta.get(DECLARED) == HALF else tensors

    def state(self) -> LearnerState:
        """All that training needs to go on. Nothing in the file can run code.

        Raises:
            RunError: a file is missing or damaged, or holds something other than tensors and plain values.
        """
        path = self.folder / "training.pt"
        saved = read_training(self._content("training.pt"), path)
        if saved["step"] != self.step:
            raise RunError(f"{path} is damaged: it is of step {saved['step']}, and its checkpoint of step {self.step}")
        weights, trained = self.weights(), saved.get("trained", {})
        used = {name: weights[name] for name in trained if name in weights}
        now = Snapshot(weights | trained, saved["objectives"], cast(list[dict[str, Any]], saved["optimizers"]))
        good: dict[str, Any] = dict(saved["good"])
        noted: dict[str, Any] | None = cast(Any, saved.get("began"))
        began = None if noted is None else Began(**noted)
        strikes, returns = saved["strikes"], saved.get("returns", 0)
        return LearnerState(saved["step"], saved["stage"], now, Snapshot(**good), strikes, began, returns, used)

    def _content(self, name: str) -> bytes:
        path = self.folder / name
        with os_errors_as(RunError, f"{path}: cannot be read"):
            content = read_file(path)
        expected = self._files.get(name)
        if expected is None:
            raise RunError(f"{self.folder / 'meta.json'} is damaged: it says nothing of {name}")
        if len(content) != expected["bytes"]:
            raise RunError(f"{path} is damaged: {len(content)} bytes, expected {expected['bytes']}")
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise RunError(f"{path} is damaged: its content is not what was saved (sha256 differs)")
        return content


def open_checkpoint(folder: str | Path, step: int | str | None = None) -> Checkpoint:
    """The checkpoint of a run, or of an exported model.

    Args:
        folder: a run, one of its checkpoints, or what `gnm export` made.
        step: which checkpoint; `best` for the best one (`train.keep_best`); the newest by default.

    Raises:
        RunError: there is no checkpoint, it is damaged, or it is of another spec than the run's.
    """
    path = Path(folder)
    if not path.is_dir():
        raise RunError(f"{path}: there is no such folder")
    if (path / "meta.json").exists():
        only = Checkpoint(path)
        if isinstance(step, int) and step != only.step:
            raise RunError(f"{path}: there is no step {step} in it; it holds the weights of step {only.step} alone")
        return only
    if not (path / "spec.yaml").exists():
        raise RunError(f"{path}: not a run (no spec.yaml) and not a checkpoint (no meta.json)")
    checkpoints = Checkpoints(path, BEST) if step == BEST else Checkpoints(path)
    number = step if isinstance(step, int) else None
    checkpoint = Checkpoint(checkpoints.path(checkpoints.newest(number)))
    require_same_model(checkpoint.spec(), load_spec(path / "spec.yaml", recorded=True), checkpoint.folder)
    return checkpoint


@dataclass(frozen=True)
class OpenRun:
    """A run whose spec has been read and whose model has not been made: what is cheap to check can come first."""

    spec: CheckedSpec
    checkpoint: Checkpoint

    def load(self) -> Run:
        """The model, on the CPU, in evaluation mode. Torch's random state stays as it is.

        Raises:
            RunError: the checkpoint is damaged.
            ShortageError: the model does not fit into the memory.
        """
        weights = self.checkpoint.weights()
        with borrowed_random_state():
            model = self.spec.model()
        try:
            load_strictly(model, weights, "model")
        except RunError as error:
            raise RunError(f"{self.checkpoint.folder}: {error}") from error
        return Run(model.eval(), self.spec, self.checkpoint.step, self.checkpoint.folder)


def open_run(folder: str | Path, step: int | str | None = None) -> OpenRun:
    """A run, without its model.

    Args:
        folder: a run, one of its checkpoints, or what `gnm export` made.
        step: which checkpoint; `best` for the best one (`train.keep_best`); the newest by default.

    Raises:
        RunError: there is no checkpoint, it is damaged, or it is of another spec.
        SpecError: the spec names parts that are not installed.

    Warns:
        OtherVersions: plugins that provide its parts have other versions now than when it was trained.
    """
    checkpoint = open_checkpoint(folder, step)
    spec = checkpoint.spec()
    changed = changes(checkpoint.meta.get("providers", {}), spec.providers())
    if changed and all(shipped.path != checkpoint.folder for shipped in installed().pretrained.values()):
        warnings.warn(f"{folder}: since it was trained, {', '.join(changed)}", OtherVersions, stacklevel=2)
    if checkpoint.folder != Path(folder):  # the run's own spec knows where its data is now
        spec = spec.with_data_of(load_spec(Path(folder) / "spec.yaml", recorded=True))
    return OpenRun(spec, checkpoint)


def load_run(folder: str | Path, step: int | str | None = None) -> Run:
    """The model of a run, on the CPU, in evaluation mode. Torch's random state stays as it is.

    Args:
        folder: a run, one of its checkpoints, or what `gnm export` made.
        step: which checkpoint; `best` for the best one (`train.keep_best`); the newest by default.

    Raises:
        RunError: there is no checkpoint, it is damaged, or it is of another spec.
        SpecError: the spec names parts that are not installed.
    """
    return open_run(folder, step).load()
