"""What a training left behind that is to go on: found, checked against the spec, and handed to a learner."""

from dataclasses import dataclass

import torch

from gnm_core import kernels
from gnm_core.errors import RunError
from gnm_core.plugin_files import changes as changes_of_providers
from gnm_core.runs.checkpoint import Checkpoint, Checkpoints
from gnm_core.runs.same_model import require_same_model
from gnm_core.runs.state import LearnerState
from gnm_core.spec.checked import CheckedSpec
from gnm_core.training.device import Settings
from gnm_core.training.learner import Learner
from gnm_core.training.progress import Display
from gnm_core.training.resume_checks import changes, require_same_past


@dataclass(frozen=True)
class Saved:
    """A checkpoint that fits the spec to go on with."""

    checkpoint: Checkpoint
    spec: CheckedSpec
    """What it was trained by."""
    state: LearnerState

    def hand_over(self, spec: CheckedSpec, learner: Learner, display: Display) -> None:
        """Let a learner of the spec go on from here, and say what is not what it was.

        Raises:
            RunError: an option has changed that cannot change any more.
        """
        changed = "".join(f"\n  {change}" for change in changes(self.spec, spec))
        try:
            learner.load(self.state)
        except RunError as error:
            because = f"\nchanged since:{changed}" if changed else ""
            raise RunError(f"{self.checkpoint.folder}: {error}{because}") from error
        if changed:
            display.say(f"changed since step {self.checkpoint.step}:{changed}")

    def warn(self, settings: Settings, learner: Learner, display: Display) -> None:
        """Say what will make the last bits differ."""
        now = {
            "device": settings.device,
            "precision": settings.precision,
            "compile": settings.compile,
            "threads": torch.get_num_threads(),
            "kernels": kernels_in_use(settings, learner.device),
            "torch": torch.__version__,
            "images": len(learner.data),
        }
        before = self.checkpoint.meta
        if "kernels" not in before:  # as checkpoints were before there was more than one
            native = before.get("native")
            before = before | {"kernels": {"conv-stack of gnm-core": native} if native else {}}
        changed = [f"{name} {before.get(name)} -> {value}" for name, value in now.items() if before.get(name) != value]
        others = changes_of_providers(before.get("providers", {}), self.spec.providers())
        if others:
            display.say(f"warning: since step {self.checkpoint.step}, {', '.join(others)}")
        if changed:
            display.say(f"warning: {', '.join(changed)}: the weights will not be the same to the last bit")


def find_saved(checkpoints: Checkpoints, spec: CheckedSpec, at: int | None) -> Saved | None:
    """The newest checkpoint, or that of step `at`; None where a training was stopped before its first.

    Raises:
        RunError: there is none of that step, it is damaged, or it is of another model.
        SpecError: the spec would change what is past.
    """
    steps = checkpoints.steps()
    if not steps and at is None:
        return None  # the beginning is a pure function of the seed
    step = checkpoints.newest(at)
    try:
        checkpoint = Checkpoint(checkpoints.path(step))
        then = checkpoint.spec()
        require_same_model(then, spec, checkpoint.folder)
        saved = Saved(checkpoint, then, checkpoint.state())
    except RunError as error:
        earlier = [str(other) for other in steps if other < step]
        hint = f"\nTo go on from an earlier checkpoint: --at {earlier[-1]}" if earlier else ""
        raise RunError(f"{error}{hint}") from error
    require_same_past(then, spec, checkpoint.step)
    return saved


def kernels_in_use(settings: Settings, device: torch.device) -> dict[str, int | str]:
    """What the last bits of a training depend on besides its numbers."""
    return {} if settings.compile else kernels.variants(device)
