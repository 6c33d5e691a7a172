"""What a training begins with: the parts of its spec, fresh weights drawn from its seed, and room for them."""

import hashlib

import torch

from gnm_core import kernels
from gnm_core.memory import require_memory
from gnm_core.randomness import seed_from
from gnm_core.schema import Training
from gnm_core.spec.checked import CheckedSpec
from gnm_core.training.device import Settings, faster_precision, require_compiler
from gnm_core.training.learner import Learner
from gnm_core.training.progress import Display
from gnm_core.training.ranks import Ranks

INITIAL = 1_000_033
"""Keeps the randomness of the first weights apart from that of the first step."""


def new_learner(spec: CheckedSpec, settings: Settings, device: torch.device, ranks: Ranks, display: Display) -> Learner:
    """A learner of a spec before its first step, with fresh weights.

    Raises:
        SpecError: the spec does not fit the model.
        DataError: the data cannot be read.
        RunError: the processes that share the training read different files.
        ShortageError: weights, gradients and batches do not fit into memory.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    if settings.compile:
        require_compiler()
    else:
        for reason in kernels.why_not(device):
            display.say(f"slower than it could be: {reason}")
    precision = faster_precision(settings.precision, device)
    if precision != settings.precision:
        display.say(f"in {precision}: {settings.precision} is slower on a processor without matrix tiles (AMX)")
    training = spec.training()
    _require_memory(spec, training, device)
    data = spec.data("train")
    for note in data.notes():
        display.say(note)
    spec_text = hashlib.sha256(spec.to_yaml().encode()).hexdigest()
    ranks.require_same({"sha256 of the spec": spec_text, "training images": len(data)})
    seed_from(training.seed, 0, INITIAL)
    model = spec.model()
    return Learner(
        model,
        spec.objective(),
        data,
        training,
        device=device,
        precision=precision,
        compiled=settings.compile,
        ranks=ranks,
        announce=display.say,
    )


def _require_memory(spec: CheckedSpec, training: Training, device: torch.device) -> None:
    """See that weights, gradients, a copy to roll back to and two batches fit; what else there is, nobody knows.

    Raises:
        ShortageError: they do not.
    """
    dims, batch = spec.dims, max(stage.batch or 0 for stage in training.schedule())
    needed = 3 * spec.weights if device.type == "cpu" else spec.weights
    require_memory(needed + 2 * batch * dims.channels * dims.size**2 * 4, "training this model")
