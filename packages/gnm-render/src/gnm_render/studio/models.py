"""The models on the page: what each can do, its judge, and the directions in which its objects differ."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from gnm_core.completion import CompletesScenes, DecodesCodes
from gnm_core.contracts import Judge, Model
from gnm_core.editing import HidesObjects, RendersSymbols
from gnm_core.errors import GnmError
from gnm_core.evaluation import judge_of
from gnm_core.randomness import borrowed_random_state
from gnm_core.results import Verdict
from gnm_core.runs.checkpoint import Run, load_run
from gnm_core.runs.find import find
from torch import Tensor

from gnm_render.figures.abilities import DescribesScenes, DrawsInSteps

SAMPLES = 256
"""Samples whose objects say in which directions appearances differ."""
DIRECTIONS = 6
"""Sliders of an appearance."""


@dataclass(frozen=True)
class Directions:
    """In which directions the appearance of objects differs most: what = mean + sum of amounts * directions."""

    mean: Tensor
    """(D,)."""
    basis: Tensor
    """(K, D): each as long as one standard deviation along it."""

    def amounts(self, what: Tensor) -> Tensor:
        """(D,) → (K,): how far an appearance goes along each, in standard deviations."""
        away = what - self.mean
        return (self.basis @ away) / self.basis.square().sum(1).clamp(min=1e-12)

    def moved(self, what: Tensor, amounts: Tensor) -> Tensor:
        """(D,) with other amounts (K,) along the directions, all else as it was."""
        return what + (amounts - self.amounts(what)) @ self.basis


class Loaded:
    """One model.

    Args:
        number: on the page.
        name: what the user called it.
        run: the trained model.
    """

    def __init__(self, number: int, name: str, run: Run) -> None:
        self.number, self.name, self.run = number, name, run
        self.model: Model = run.model

    @cached_property
    def judge(self) -> Judge | None:
        """Who knows the rule of the model's data set; None where nobody does."""
        try:
            return judge_of(self.run.spec.data_name, self.run.spec.dims)
        except GnmError:  # a judge that does not fit these pictures says nothing
            return None

    def verdicts(self, images: Tensor) -> list[Verdict] | None:
        """(B, C, H, W) → what the judge says of each; None without a judge."""
        return None if self.judge is None else self.judge.judge(images)

    @cached_property
    def directions(self) -> Directions | None:
        """Of the objects that the model samples; None where it samples too few."""
        with torch.no_grad(), borrowed_random_state(seed=0):
            objects = self.model.sample(SAMPLES).objects
        if objects is None or int(objects.present.sum()) < 2 * DIRECTIONS:
            return None
        what = objects.what[objects.present].double()
        mean = what.mean(0)
        _, lengths, directions = torch.linalg.svd(what - mean, full_matrices=False)
        count = min(DIRECTIONS, len(lengths))
        scales = lengths[:count] / (len(what) - 1) ** 0.5
        return Directions(mean.float(), (directions[:count] * scales[:, None]).float())

    @cached_property
    def abilities(self) -> dict[str, bool]:
        """What the page can offer."""
        symbols = isinstance(self.model, RendersSymbols) and self.model.sample(1).latents is not None
        return {
            "edit": symbols,
            "front": symbols and isinstance(self.model, HidesObjects) and self._hides(),
            "complete": symbols and isinstance(self.model, CompletesScenes),
            "interpolate": isinstance(self.model, DecodesCodes),
            "steps": isinstance(self.model, DrawsInSteps),
            "from_code": isinstance(self.model, DescribesScenes),
            "judge": self.judge is not None,
        }

    def _hides(self) -> bool:
        return bool(getattr(getattr(self.model, "renderer", None), "masks", True))

    def about(self) -> dict[str, Any]:
        """For the page."""
        dims = self.model.dims
        resolved: dict[str, Any] = self.run.spec.resolved()
        return {
            "number": self.number,
            "name": self.name,
            "kind": resolved["model"]["use"],
            "data": self.run.spec.data_name or None,
            "step": self.run.step,
            "size": dims.size,
            "channels": dims.channels,
            "abilities": self.abilities,
        }


def load_all(sources: tuple[str, ...]) -> list[Loaded]:
    """Runs or shipped models, in order.

    Raises:
        RunError: one cannot be found or read.
    """
    return [Loaded(i, Path(source).name or source, load_run(find(source))) for i, source in enumerate(sources)]
