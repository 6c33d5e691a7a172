"""Weights to begin with: those of another model, as far as they fit."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gnm_core.errors import RunError, SpecError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.runs.checkpoint import open_checkpoint
from gnm_core.runs.find import find
from gnm_core.runs.origins import NAME, OF_STAGE, wanted_and_not
from gnm_core.spec.checked import CheckedSpec
from gnm_core.training.selection import under, unknown_prefixes


@dataclass(frozen=True)
class Origin:
    """Another model's weights."""

    source: str
    """The run or the model, as the user named it."""
    step: int
    """Steps of training that they have had."""
    sha256: str
    """Of the file that they came from."""
    weights: Mapping[str, Tensor]
    only: tuple[str, ...] = ()
    """Dotted prefixes of what to take, and of what not to after a minus (`-core.prior`); empty for all that fits."""


def origin_of(source: str | Path, only: Sequence[str] = ()) -> tuple[Origin, CheckedSpec]:
    """The weights of a run or a shipped model, to begin another training with, and its spec.

    Args:
        source: a run's folder, an exported model's, or a name that `gnm pretrained` lists.
        only: dotted prefixes of what to take, and of what not to after a minus; empty for all that fits.

    Raises:
        RunError: there is no such model, or its files are damaged.
    """
    checkpoint = open_checkpoint(find(source))
    sha256 = checkpoint.meta["files"]["model.safetensors"]["sha256"]
    return Origin(str(source), checkpoint.step, sha256, checkpoint.weights(), tuple(only)), checkpoint.spec()


@dataclass(frozen=True)
class Taken:
    """What a model took over."""

    taken: tuple[str, ...]
    """Names of tensors."""
    left: dict[str, str]
    """Tensors of the model that keep their own beginning, and why."""
    unused: tuple[str, ...]
    """Tensors of the other model that have no place here."""

    def summary(self, origin: Origin) -> str:
        """In words, for people: by parts, not by tensors."""
        every = (*self.taken, *self.left)
        lines = [f"took {len(self.taken)} of {len(every)} tensors from {origin.source}, step {origin.step:,}"]
        lines[0] += f": {', '.join(_parts(self.taken, every))}"
        reasons = defaultdict(list)
        for name, reason in self.left.items():
            reasons[reason].append(name)
        lines += [f"  not taken, {reason}: {', '.join(_parts(names, every))}" for reason, names in reasons.items()]
        if self.unused:
            lines.append(f"  there, but not in this model: {', '.join(_parts(self.unused, self.unused))}")
        return "\n".join(lines)


def begin_from(model: nn.Module, origin: Origin) -> Taken:
    """Take over every tensor of the same name and shape that is asked for.

    Raises:
        SpecError: a prefix in `only` names nothing in the model.
        RunError: nothing fits.
    """
    fits, taken = fitting(model, origin)
    with torch.no_grad():
        model.load_state_dict({**model.state_dict(), **fits})
    return taken


def fitting(model: nn.Module, origin: Origin, option: str = "--only") -> tuple[dict[str, Tensor], Taken]:
    """The tensors that `begin_from` would take, by name, and how it would tell of it; the model stays as it is.

    Args:
        model: what would begin with them.
        origin: the weights.
        option: what names `origin.only`, for errors.

    Raises:
        SpecError: a prefix in `only` names nothing in the model.
        RunError: nothing fits.
    """
    own = model.state_dict()
    wanted, unwanted = wanted_and_not(origin.only)
    if problems := unknown_prefixes(option, [*wanted, *unwanted], own):
        raise SpecError(problems)
    fits: dict[str, Tensor] = {}
    left: dict[str, str] = {}
    for name, tensor in own.items():
        other = origin.weights.get(name)
        if (wanted and not _under_any(name, wanted)) or _under_any(name, unwanted):
            left[name] = "not asked for"
        elif other is None:
            left[name] = "not there"
        elif other.shape != tensor.shape:
            left[name] = f"shape {tuple(other.shape)} there and {tuple(tensor.shape)} here"
        else:
            fits[name] = other
    if not fits:
        raise RunError(f"nothing in {origin.source} fits this model: no tensor of the same name and shape")
    return fits, Taken(tuple(fits), left, tuple(name for name in origin.weights if name not in own))


def _under_any(name: str, prefixes: Sequence[str]) -> bool:
    return any(under(name, prefix) for prefix in prefixes)


def write_origin(folder: Path, origin: Origin, taken: Taken, stage: int | None = None) -> None:
    """Note in a run where it began, or one of its stages did.

    Args:
        folder: of the run.
        origin: where.
        taken: what.
        stage: place in `train.stages` of the stage that began so; None for the run itself.

    Raises:
        RunError: it cannot be written.
    """
    about = {"from": origin.source, "step": origin.step, "sha256": origin.sha256, "only": origin.only, **asdict(taken)}
    path = folder / (NAME if stage is None else OF_STAGE.format(stage))
    with os_errors_as(RunError, f"{path}: cannot be written"):
        replace_file(path, json.dumps(about, indent=1).encode())


def _parts(names: Iterable[str], every: Iterable[str]) -> list[str]:
    """What tensors belong to: `encoder`, `core.prior`, and by its own name what is of a part but of none within it.

    Args:
        names: of tensors.
        every: those of the whole model.
    """
    divided = {name.split(".")[0] for name in every if name.count(".") > 1}
    keys = (name.split(".") for name in names)
    return list(dict.fromkeys(".".join(key[:2]) if key[0] in divided else key[0] for key in keys))
