"""Looks at a model now and then while it trains, and says in plain words what goes wrong."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Protocol

from torch import Tensor

from gnm_core import failures
from gnm_core.diagnosis.asked import Asked, asked_of
from gnm_core.diagnosis.caption import caption_of
from gnm_core.diagnosis.rules import Finding, TooFewSteps, diagnose
from gnm_core.diagnosis.signs import Signs, signs_of
from gnm_core.training.flatness import Flatness
from gnm_core.training.learner import Learner
from gnm_core.training.pictures import examples

PICTURES = 16
"""Pictures that are looked at."""
OFTEN, SELDOM, EARLY = 100, 500, 2000
"""Steps between two looks before step `EARLY`, and from then on: a look costs about as much as a step."""
SHORTEST, LONGEST = 100, 1000
"""A fault is named once it has lasted a fifth of the steps made, within these bounds."""


class Warn(Protocol):
    """Tells a line, on the screen and in the metrics."""

    def __call__(self, step: int, text: str, **more: object) -> None:
        """`more` goes into the record."""


class Diagnosis:
    """Names each fault once when it has lasted, and once when it has passed; a look that fails costs no training.

    Args:
        learner: what learns; its model is left as it was. Validation pictures are looked at, where there are any.
        warn: told what goes wrong.
    """

    def __init__(self, learner: Learner, warn: Warn) -> None:
        self._learner, self._warn, self._broken = learner, warn, False
        self._image: Tensor | None = None
        self._flatness = Flatness()
        self._divergences: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._since: dict[str, int] = {}
        self._named: set[str] = set()

    def record(self, step: int, means: Mapping[str, float], weights: Mapping[str, float]) -> None:
        """Take in the mean terms of the last few steps, and what they weigh."""
        self._divergences = {k: v for k, v in means.items() if k.startswith(("kl.", "auxiliary."))}
        self._weights = dict(weights)
        bound = means.get("elbo", means.get("log_likelihood"))
        if bound is not None:
            self._flatness.add(step, bound, (self._asked(step), *weights.items()))

    def tell(self) -> None:
        """Where it is time for a look, tell what has lasted long enough and what has passed."""
        step = self._learner.step
        if step % (OFTEN if step <= EARLY else SELDOM):
            return
        found = {finding.name: finding for finding in self._findings() if finding.name != TooFewSteps.name}
        for name in [name for name in self._since if name not in found]:
            del self._since[name]
        patience = min(LONGEST, max(SHORTEST, step // 5))
        for name, finding in found.items():
            since = self._since.setdefault(name, step)
            if step - since >= patience and name not in self._named:
                self._named.add(name)
                self._warn(step, f"{finding} (since step {since:,})", diagnosis=asdict(finding))
        for name in sorted(self._named - found.keys()):
            self._named.remove(name)
            self._warn(step, f"{name}: recovered", recovered=name)

    def at_the_end(self) -> list[Finding]:
        """What is wrong now, whether it has lasted or not."""
        return self._findings()

    def caption(self) -> str:
        """What a picture drawn now says of itself: a function of the model and the step, whatever was seen before."""
        if self._broken:
            return ""
        try:
            signs = self._signs()
        except Exception:  # whoever looks for faults tells of it; a picture is drawn all the same
            return ""
        return caption_of(diagnose(replace(signs, divergences={}, flat_since=None, size_spread=None)))

    def _findings(self) -> list[Finding]:
        if self._broken:
            return []
        try:
            return self._look()
        except Exception as error:
            self._warn(self._learner.step, f"no diagnosis from here on: {failures.told(error)}")
            self._broken = True
            return []

    def _look(self) -> list[Finding]:
        return diagnose(self._signs())

    def _signs(self) -> Signs:
        learner = self._learner
        if self._image is None:
            self._image = examples(learner.data, PICTURES).image.to(learner.device)
        with learner.looking() as model:
            scene = model.reconstruct(self._image)
        return signs_of(
            scene,
            self._image,
            step=learner.step,
            total=learner.plan.total,
            asked=self._asked(learner.step),
            divergences=self._divergences,
            flat_since=self._flatness.since(),
        )

    def _asked(self, step: int) -> Asked:
        return asked_of(self._learner.model, step, self._weights)
