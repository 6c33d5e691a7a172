"""Where scenes are lost: in the symbols, in the scene code, or in the prior."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, runtime_checkable

import torch
from annotated_types import Ge, Le
from torch import Tensor

from gnm_core.contracts import Judge
from gnm_core.evaluation.context import BATCH, EvaluationBatch, EvaluationContext, Metric, require_finite
from gnm_core.evaluation.metrics.intervals import share
from gnm_core.evaluation.metrics.judging import accepted, judge_for, reasons
from gnm_core.results import Measurement, Scene, Verdict

LEVELS = ("data", "symbols", "scene code", "generated")
"""From the data set's own scenes to those that a model generates."""


@runtime_checkable
class HasSceneCode(Protocol):
    """A model that can decode its scene code alone."""

    def reconstruct_from_scene(self, image: Tensor, *, sample: bool = False) -> Scene:
        """(B, C, H, W) → the scenes that z^g ~ q(z^g | x), or its mean, describes."""


class StructureLevels(Metric):
    """The share of scenes that obey the data set's rule at each level of a model, with the Wilson interval.

    (a) `data`: the images; (b) `symbols`: their reconstructions; (c) `scene code`: decoded from a sample of q(z^g | x)
    alone, for models that have one; (d) `generated`: generated. Each can lose scenes that the one before still had: the
    symbols what a scene looks like, the code what stands where, the prior what may stand together.

    Args:
        n: scenes at each level.
        judge: says which scenes obey; null for the judge of the data set's name.
    """

    def __init__(self, *, n: Annotated[int, Ge(1), Le(10**9)] = 250, judge: Judge | None = None) -> None:
        self.images = n
        self.judge = judge

    def update(self, batch: EvaluationBatch) -> dict[str, Tensor]:
        """(B, C, H, W) uint8 of each level that starts from images.

        Raises:
            MetricError: an image is not finite.
        """
        pictures = {"data": batch.image, "symbols": batch.reconstruction}
        if isinstance(batch.model, HasSceneCode):
            device = next(batch.model.parameters()).device
            decoded = batch.model.reconstruct_from_scene(batch.image.to(device), sample=True).image.cpu()
            require_finite("the scene decoded from its code", decoded)
            pictures["scene code"] = decoded
        return {level: (picture.clamp(0, 1) * 255).round().to(torch.uint8) for level, picture in pictures.items()}

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class.

        Raises:
            MetricError: a generated image is not finite.
        """
        judge = judge_for(context, self.judge, "structure-levels")
        verdicts: dict[str, list[Verdict]] = {level: [] for level in LEVELS}
        for pictures in updates:
            for level, picture in pictures.items():
                verdicts[level] += judge.judge(picture.float() / 255)
        count = len(verdicts["data"])
        while len(verdicts["generated"]) < count:
            few = min(BATCH, count - len(verdicts["generated"]))
            verdicts["generated"] += judge.judge(context.sample(few))
            context.progress(len(verdicts["generated"]), count)
        measured = {level: found for level, found in verdicts.items() if found}
        values = tuple(share(f"obeys: {level}", accepted(found), len(found)) for level, found in measured.items())
        found_wrong = {f"obeys: {level}": reasons(found) for level, found in measured.items()}
        shares = {level: accepted(found) / len(found) for level, found in measured.items()}
        details = {"judge": verdicts["data"][0].judge, "levels": found_wrong, "advice": advice(shares)}
        return Measurement(values, details)


_WORK = {
    "data": "the judge refuses them as they are: look at the data set's options, or at the judge",
    "symbols": "work on the symbols: encoder, renderer, the weights of the auxiliary divergences, more steps",
    "scene code": "work on the scene code: the core, the weight of its divergence, more steps of the scene level",
    "generated": "work on the prior: its size and its steps, or a code that is easier to predict",
}


def advice(shares: dict[str, float]) -> str:
    """Which level loses most of what the one before had, in words; a level is none the worse for gaining some.

    Args:
        shares: of scenes that obey, by level, from the data on.
    """
    losses, before, of = {}, 1.0, "scenes"
    for level, kept in shares.items():
        losses[level] = (1 - min(1.0, kept / before) if before > 0 else 0.0, of)
        before, of = min(before, kept), f"what the {level} still had"
    worst = max(losses, key=lambda level: losses[level][0])
    lost, of = losses[worst]
    if lost == 0:
        return "no level loses anything"
    name = "prior" if worst == "generated" else worst
    return f"most is lost at the {name}: {100 * lost:.0f} % of {of}; {_WORK[worst]}"
