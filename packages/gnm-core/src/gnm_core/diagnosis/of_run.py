"""What is wrong with a trained model: for the end of an evaluation, and for the captions of its pictures."""

import torch
from torch import Tensor

from gnm_core.contracts import Model
from gnm_core.diagnosis.asked import asked_of
from gnm_core.diagnosis.rules import Finding, diagnose
from gnm_core.diagnosis.signs import signs_of
from gnm_core.evaluation_mode import observing
from gnm_core.results import Scene
from gnm_core.runs.checkpoint import Run

PICTURES = 16
"""Pictures that are looked at."""


def of_run(run: Run, image: Tensor | None) -> list[Finding]:
    """What is wrong with the model of a run.

    Args:
        run: as training left it.
        image: (B, C, H, W): pictures to look at, the first few; without any, the model's own samples are looked at.
    """
    with observing(run.model, seed=0) as device, torch.no_grad():
        if image is None or len(image) == 0:
            return of_scene(run, run.model.sample(PICTURES))
        few = image[:PICTURES].to(device)
        return of_scene(run, run.model.reconstruct(few), few)


def of_samples(run: Run) -> list[Finding]:
    """What is wrong with the scenes that the model of a run makes up."""
    untrained = _symbols_alone(run)
    return [untrained] if untrained is not None else of_run(run, None)


def _symbols_alone(run: Run) -> Finding | None:
    """Whether nothing has been learnt so far that a sample could be made from."""
    levels, first = set(), 0
    for stage in run.spec.training().schedule():
        if first < run.step:
            levels.add(stage.level)
        first += stage.steps or 0
    if levels != {"symbols"}:
        return None
    return Finding(
        "the scene code is untrained",
        f"all {run.step:,} steps were of the level 'symbols', which finds objects and makes up none",
        "Train a stage of the level 'scene' too, as own-pictures-64 does",
    )


def of_scene(run: Run, scene: Scene, image: Tensor | None = None) -> list[Finding]:
    """The same as far as scenes show that it has made: of `image`, or samples."""
    model: Model = run.model
    total = sum(stage.steps or 0 for stage in run.spec.training().schedule())
    return diagnose(signs_of(scene, image, step=run.step, total=total, asked=asked_of(model, run.step)))
