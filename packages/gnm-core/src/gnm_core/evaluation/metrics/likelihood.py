"""LL: how likely the data set's images are under the model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor

from gnm_core.contracts import Model
from gnm_core.errors import OptionError
from gnm_core.evaluation.context import EvaluationContext, Metric, require_finite
from gnm_core.evaluation.metrics.intervals import mean, standard_error
from gnm_core.randomness import borrowed_random_state
from gnm_core.results import Measurement, Value

Estimate = Literal["exact", "relaxed"]
NAMES: dict[str, str] = {"exact": "LL", "relaxed": "LL (relaxed, as published)"}


class LogLikelihood(Metric):
    """log p(x) by importance sampling: the log-mean-exp over particles of log p(x | z) + log p(z) - log q(z | x).

    On average it is a lower bound that rises to log p(x) with the particles. One particle is held at a time. The `ELBO`
    is the mean over the same particles; no particle count can bring the estimate below it.

    `exact` samples discrete latents hard. `relaxed` is the published heuristic: relaxed samples with a discrete mass,
    which bounds nothing. Models without relaxed latents have but one estimate.

    Args:
        particles: posterior samples of each image.
        n: images, the first ones of the split; null for all.
        estimates: which of the two.
    """

    def __init__(
        self,
        *,
        particles: Annotated[int, Ge(1), Le(10**6)] = 100,
        n: Annotated[int, Ge(1), Le(10**9)] | None = 500,
        estimates: Annotated[tuple[Estimate, ...], MinLen(1)] = ("exact", "relaxed"),
    ) -> None:
        if len(set(estimates)) < len(estimates):
            raise OptionError("estimates", f"{', '.join(estimates)}: name each once")
        self.particles, self.n, self.estimates = particles, n, estimates

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class.

        Raises:
            MetricError: an importance weight is not finite.
        """
        images = context.count(self.n)
        estimates: list[Estimate] = list(self.estimates)
        chunks: dict[Estimate, list[Particles]] = {estimate: [] for estimate in estimates}
        done = 0
        for batch in context.batches(self.n):
            image = batch.image.to(context.device)
            if done == 0 and len(estimates) == 2 and _agree(context.model, image):
                estimates = ["exact"]  # nothing is relaxed
            for estimate in estimates:
                chunks[estimate].append(self._weigh(context.model, image, estimate))
            done += len(image)
            context.progress(done, images)
        values: list[Value] = []
        details: dict[str, Any] = {
            "particles": self.particles,
            "pixels": context.model.dims.channels * context.model.dims.size**2,
        }
        for estimate in estimates:
            found = [chunk.numbers() for chunk in chunks[estimate]]
            likelihood, bound, effective = (np.concatenate(parts) for parts in zip(*found, strict=True))
            values += _values(estimate, likelihood, bound, effective)
            details[estimate] = {
                "standard_error": standard_error(likelihood),
                "effective_sample_size": {q: float(np.quantile(effective, p)) for q, p in _QUANTILES.items()},
            }
        return Measurement(tuple(sorted(values, key=lambda value: value.name != NAMES[estimates[0]])), details)

    @torch.no_grad()
    def _weigh(self, model: Model, image: Tensor, estimate: Estimate) -> "Particles":
        particles = Particles(len(image))
        for _ in range(self.particles):
            weights = model.log_weights(image, exact=estimate == "exact")
            require_finite("log_weights", weights)
            particles.add(weights)
        return particles


_QUANTILES = {"least": 0.0, "median": 0.5, "most": 1.0}


@torch.no_grad()
def _agree(model: Model, image: Tensor) -> bool:
    """Whether the same random numbers give both estimates the same weights."""
    weights = []
    for exact in (True, False):
        with borrowed_random_state(image.device, seed=0):
            weights.append(model.log_weights(image, exact=exact))
    return torch.equal(*weights)


def _values(estimate: Estimate, likelihood: np.ndarray, bound: np.ndarray, effective: np.ndarray) -> list[Value]:
    suffix = "" if estimate == "exact" else " (relaxed)"
    return [
        mean(NAMES[estimate], likelihood, "nats"),
        mean(f"ELBO{suffix}", bound, "nats"),
        mean(f"effective sample size{suffix}", effective),
    ]


@dataclass
class Particles:
    """Running sums over the particles of a batch of images, in double precision.

    Args:
        images: B.
    """

    images: int

    def __post_init__(self) -> None:
        """No particle yet."""
        self.count = 0
        self._sum = torch.full((self.images,), -math.inf, dtype=torch.float64)
        self._squares = torch.full((self.images,), -math.inf, dtype=torch.float64)
        self._mean = torch.zeros(self.images, dtype=torch.float64)

    def add(self, weights: Tensor) -> None:
        """(B,): log-weights of one more particle of each image."""
        weights = weights.double().cpu()
        self.count += 1
        self._sum = torch.logaddexp(self._sum, weights)
        self._squares = torch.logaddexp(self._squares, 2 * weights)
        self._mean += (weights - self._mean) / self.count

    def numbers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(B,) each: log-mean-exp, mean, and effective sample size (sum w)^2 / sum w^2."""
        estimate = self._sum - math.log(self.count)
        return estimate.numpy(), self._mean.numpy(), (2 * self._sum - self._squares).exp().numpy()
