"""The likelihood by importance sampling is the known one where one is known."""

import numpy as np
import pytest
import torch
from gnm_core.evaluation.context import BATCH
from gnm_core.evaluation.metrics.likelihood import LogLikelihood

from ..toys import LinearGaussian, Pictures
from .taking import take, values


def gaussian(width: float) -> tuple[LinearGaussian, Pictures, float]:
    """A model, images out of it, and their mean log-evidence."""
    model = LinearGaussian(width)
    images = (torch.randn(40, 3) @ model.factors.detach().T + 0.5 * torch.randn(40, 64)).reshape(40, 1, 8, 8)
    return model, Pictures(images), float(model.log_evidence(images).mean())


def test_the_likelihood_converges_to_the_known_one() -> None:
    model, data, truth = gaussian(width=1.6)
    gaps = [
        truth - values(take(LogLikelihood(particles=particles), model, data))["LL"].value for particles in (1, 10, 1000)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[0] > 0.3
    assert gaps[2] == pytest.approx(0, abs=0.02)


def test_with_the_true_posterior_every_particle_gives_the_likelihood() -> None:
    model, data, truth = gaussian(width=1.0)
    found = values(take(LogLikelihood(particles=5), model, data))
    assert found["LL"].value == pytest.approx(truth, abs=1e-3)
    assert found["ELBO"].value == pytest.approx(truth, abs=1e-3)
    assert found["effective sample size"].value == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize("particles", [1, 2, 30])
def test_the_likelihood_is_never_below_the_elbo(particles: int) -> None:
    model, data, truth = gaussian(width=0.6)
    found = values(take(LogLikelihood(particles=particles), model, data))
    assert found["LL"].value >= found["ELBO"].value - 1e-9
    assert 1 <= found["effective sample size"].value <= particles + 1e-9
    assert found["ELBO"].value < truth


def test_the_interval_of_the_likelihood_is_that_of_the_images_mean() -> None:
    model, data, _ = gaussian(width=1.0)
    found = take(LogLikelihood(particles=2), model, data)
    exact = model.log_evidence(data.images).numpy()
    error = exact.std(ddof=1) / np.sqrt(40)
    (ll, *_) = found.values
    assert ll.count == 40
    assert ll.low is not None
    assert ll.high is not None
    assert (ll.high - ll.low) / 2 == pytest.approx(1.96 * error, rel=1e-3)
    assert found.details["exact"]["standard_error"] == pytest.approx(error, rel=1e-3)


def test_memory_does_not_grow_with_particles_or_images() -> None:
    model, data, _ = gaussian(width=1.0)
    take(LogLikelihood(particles=50), model, data)
    assert model.largest == BATCH


def test_a_model_without_relaxed_latents_has_one_estimate() -> None:
    model, data, _ = gaussian(width=1.0)
    assert list(values(take(LogLikelihood(particles=2), model, data))) == ["LL", "ELBO", "effective sample size"]


class Relaxed(LinearGaussian):
    def log_weights(self, image: torch.Tensor, *, exact: bool = True) -> torch.Tensor:
        return super().log_weights(image) + (0.0 if exact else 3.0)


def test_the_published_estimate_goes_by_another_name() -> None:
    _, data, _ = gaussian(width=1.0)
    found = values(take(LogLikelihood(particles=2), Relaxed(), data))
    assert found["LL (relaxed, as published)"].value == pytest.approx(found["LL"].value + 3, abs=0.01)
    assert next(iter(found)) == "LL"
    alone = values(take(LogLikelihood(particles=2, estimates=("relaxed",)), Relaxed(), data))
    assert list(alone) == ["LL (relaxed, as published)", "ELBO (relaxed)", "effective sample size (relaxed)"]
