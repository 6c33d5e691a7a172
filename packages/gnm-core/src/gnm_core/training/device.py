"""Where a training runs, and how fast."""

import os
import shutil
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, get_args

import torch

from gnm_core.errors import OptionError, RunError
from gnm_core.native.processor import features, is_x86_64
from gnm_core.training.learner import Precision


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line says about a training; nothing of it belongs to the spec.

    Raises:
        OptionError: a number is none or out of range, or there is no such precision.
    """

    device: str = "cpu"
    """`cpu`, `cuda` or `cuda:N`."""
    precision: Precision = "float32"
    """`bf16` runs under autocast."""
    compile: bool = False
    """Compile the model's parts with `torch.compile`."""
    threads: int | None = None
    """CPU threads; None for torch's own choice."""
    tensorboard: bool = False
    """Also write TensorBoard's files."""
    steps: int | None = None
    """Stop, for now, after so many steps in all."""
    seconds: float | None = None
    """Stop, for now, after so much time of this training."""
    core_minutes: float | None = None
    """Stop, for now, once all trainings of the run together have used so much processor time of one core."""

    def __post_init__(self) -> None:
        """See that a script says what the command line would accept."""
        for name in ("threads", "steps"):
            count = getattr(self, name)
            if count is not None and not (isinstance(count, Integral) and int(count) >= 1):
                raise OptionError(name, f"{count!r}; expected a whole number from 1 on")
        for name in ("seconds", "core_minutes"):
            amount = getattr(self, name)
            if amount is not None and not (isinstance(amount, Real) and float(amount) >= 0):
                raise OptionError(name, f"{amount!r}; expected a number from 0 on")
        if self.precision not in get_args(Precision):
            raise OptionError("precision", f"{self.precision!r}; expected {' or '.join(get_args(Precision))}")

    def remembered(self) -> dict[str, Any]:
        """What a resumed training takes over, by name."""
        return {name: getattr(self, name) for name in ("device", "precision", "compile", "threads", "tensorboard")}


def choose_device(name: str) -> torch.device:
    """The device of that name; under `torchrun`, `cuda` is each process's own GPU.

    Raises:
        RunError: there is no such device.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise RunError(f"there is no device '{name}'; expected cpu, cuda or cuda:N") from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise RunError(f"cannot train on '{name}'; expected cpu, cuda or cuda:N")
    if not torch.cuda.is_available():
        reason = "this PyTorch is built without CUDA" if torch.version.cuda is None else "no GPU is visible"
        raise RunError(f"cannot use '{name}': {reason}; try --device cpu")
    index = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
    if index >= torch.cuda.device_count():
        raise RunError(f"there is no cuda:{index}; this machine has {torch.cuda.device_count()} GPUs, from cuda:0")
    device = torch.device("cuda", index)
    torch.cuda.set_device(device)
    return device


def faster_precision(precision: Precision, device: torch.device) -> Precision:
    """`precision`, or float32 where bf16 would be slower: on x86-64 without matrix tiles (AMX).

    Such a processor may multiply bfloats (AVX-512 BF16), but no faster than it converts numbers to them and back.
    """
    without_tiles = device.type == "cpu" and is_x86_64() and "amx_bf16" not in features()
    return "float32" if without_tiles else precision


def require_compiler() -> None:
    """See that `torch.compile` has a C++ compiler to work with.

    Raises:
        RunError: it has not.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise RunError(f"--compile needs a C++ compiler, and there is no '{compiler}'; install one or set CXX")
