"""Divergences equal their Monte Carlo estimates; priors are distributions, one for training and sampling alike."""

from importlib.util import find_spec

import pytest
import torch
from gnm_core import Dims, OptionError
from gnm_core.distributions import (
    bernoulli,
    bernoulli_log_mass,
    divergence,
    elementwise_divergence,
    log_prob,
    normal,
    relaxed_sample,
)
from gnm_core.parts.priors.autoregressive import AutoregressivePrior
from gnm_core.parts.priors.bernoulli import BernoulliPrior
from gnm_core.parts.priors.flow import FlowPrior
from gnm_core.parts.priors.mixture import MixturePrior
from gnm_core.parts.priors.normal import NormalPrior
from gnm_core.parts.priors.standard_normal import StandardNormal
from gnm_core.parts.schedules.linear import Linear
from torch import Tensor
from torch.distributions import Distribution, Independent, StudentT

N = 200_000
DIMS = Dims(features=4, grid=2, scene=3)


def hidden(batch: int = 1) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(batch, 4, 2, 2)


def scene_priors() -> list:
    torch.manual_seed(1)
    return [
        AutoregressivePrior(DIMS, hidden=(8,)),
        MixturePrior(DIMS, components=3, hidden=(8,)),
        StandardNormal(DIMS),
        *([FlowPrior(DIMS, transforms=2, hidden=(8,), flow_hidden=(8,))] if find_spec("zuko") else []),
    ]


def equal_on_average(estimates: Tensor, expected: Tensor) -> None:
    error = estimates.std(0) / len(estimates) ** 0.5
    assert ((estimates.mean(0) - expected).abs() <= 5 * error + 1e-5).all()


def test_the_normal_divergence_is_its_monte_carlo_estimate() -> None:
    torch.manual_seed(0)
    q, p = normal(torch.randn(5), torch.randn(5)), normal(torch.randn(5), torch.randn(5))
    z = q.sample((N,))
    equal_on_average(q.log_prob(z) - p.log_prob(z), elementwise_divergence(q, p, z))


def test_the_bernoulli_divergence_is_its_monte_carlo_estimate() -> None:
    torch.manual_seed(0)
    q, p = bernoulli(2 * torch.randn(5)), bernoulli(2 * torch.randn(5))
    z = q.sample((N,))
    ratios = bernoulli_log_mass(q.logits, z) - bernoulli_log_mass(p.logits, z)
    equal_on_average(ratios, elementwise_divergence(q, p, z))


@pytest.mark.parametrize("logits", [(40.0, -40.0), (-40.0, 40.0), (90.0, 90.0), (8.8, -120.0)])
def test_the_bernoulli_divergence_is_finite_however_sure(logits: tuple[float, float]) -> None:
    q, p = (torch.tensor([x], requires_grad=True) for x in logits)
    kl = elementwise_divergence(bernoulli(q), bernoulli(p), torch.zeros(1))
    kl.sum().backward()
    assert torch.isfinite(kl).all()
    assert torch.isfinite(q.grad).all()
    assert torch.isfinite(p.grad).all()


@pytest.mark.parametrize("family", [normal, lambda mean, raw: bernoulli(mean)])
def test_nothing_diverges_from_itself(family: object) -> None:
    q = family(torch.randn(4, 3), torch.randn(4, 3))
    torch.testing.assert_close(divergence(q, q, q.sample()), torch.zeros(4))


def test_divergences_sum_over_everything_but_the_batch() -> None:
    q, p = normal(torch.randn(3, 2, 2, 5), torch.zeros(1)), normal(torch.zeros(5), torch.zeros(5))
    z = q.sample()
    expected = torch.stack([elementwise_divergence(normal(m, torch.zeros(1)), p, z).sum() for m in q.mean])
    torch.testing.assert_close(divergence(q, p, z), expected)


@pytest.mark.parametrize(
    "p",
    [
        StudentT(torch.full((4, 3), 3.0)),
        Independent(StudentT(torch.full((4, 3), 3.0)), 1),
        MixturePrior(DIMS, components=3, hidden=(8,))(torch.randn(4, 4, 2, 2)),
    ],
    ids=["Student t", "Student t over vectors", "mixture"],
)
def test_without_a_closed_form_the_divergence_is_estimated_from_the_sample(p: Distribution) -> None:
    q = normal(torch.randn(4, 3), torch.randn(4, 3))
    z = q.rsample()
    torch.testing.assert_close(divergence(q, p, z), log_prob(q, z) - log_prob(p, z))


def test_distributions_over_different_things_are_refused() -> None:
    q = Independent(normal(torch.zeros(2, 3), torch.zeros(2, 3)), 1)
    with pytest.raises(ValueError, match="cannot be compared element by element"):
        elementwise_divergence(q, normal(torch.zeros(2, 3), torch.zeros(2, 3)), torch.zeros(2, 3))


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0, 2.5])
def test_a_relaxed_sample_falls_on_the_side_of_its_probability(temperature: float) -> None:
    torch.manual_seed(0)
    logits = torch.tensor([-3.0, -0.5, 0.0, 2.0])
    z = relaxed_sample(logits.expand(N, 4), temperature)
    assert z.min() >= 0
    assert z.max() <= 1
    equal_on_average((z > 0.5).float(), logits.sigmoid())


@pytest.mark.parametrize("index", range(4 if find_spec("zuko") else 3))
def test_a_scene_prior_is_one_distribution_for_training_and_sampling(index: int) -> None:
    """Its own samples have, on average, the entropy that its density says: the cross-entropy is least at itself."""
    prior = scene_priors()[index]
    with torch.no_grad():
        p = prior(hidden())
        z = p.sample((20_000,))
        assert z.shape == (20_000, 1, 3)
        other = normal(z.mean(0), (z.std(0).exp() - 1).log())
        assert log_prob(p, z[:, 0]).mean() >= log_prob(other, z[:, 0]).mean() - 1e-2


@pytest.mark.parametrize("index", range(4 if find_spec("zuko") else 3))
def test_a_scene_prior_gives_each_scene_its_own_density(index: int) -> None:
    prior, states = scene_priors()[index], hidden(4)
    with torch.no_grad():
        p = prior(states)
        z = p.sample()
        assert z.shape == (4, 3)
        assert log_prob(p, z).shape == (4,)
        alone = torch.cat([log_prob(prior(h[None]), one[None]) for h, one in zip(states, z, strict=True)])
        torch.testing.assert_close(log_prob(p, z), alone)


@torch.no_grad()
def test_the_mixtures_density_integrates_to_one() -> None:
    prior = MixturePrior(Dims(features=4, grid=2, scene=1), components=4, hidden=(8,))
    axis = torch.linspace(-30, 30, 20_001)
    density = prior(hidden()).log_prob(axis[:, None]).exp()
    assert torch.trapezoid(density, axis) == pytest.approx(1, abs=1e-3)


@torch.no_grad()
def test_the_flows_density_integrates_to_one() -> None:
    pytest.importorskip("zuko", reason="the flow is an extra: gnm-core[flow]")
    prior = FlowPrior(Dims(features=4, grid=2, scene=2), transforms=3, hidden=(8,), flow_hidden=(16,))
    for parameter in prior.flow.parameters():  # away from the identity
        parameter.add_(0.3 * torch.randn_like(parameter))
    axis = torch.linspace(-8, 8, 801)
    density = prior(hidden()).log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum() * 0.02**2 == pytest.approx(1, abs=1e-2)


@torch.no_grad()
def test_a_mixture_of_one_is_a_normal() -> None:
    torch.manual_seed(2)
    prior = MixturePrior(DIMS, components=1, hidden=(8,))
    p = prior(hidden())
    component = p.component_distribution.base_dist
    q = normal(torch.randn(1, 3), torch.randn(1, 3))
    z = q.sample((N,))[:, 0]
    same = normal(component.mean[:, 0], (component.stddev[:, 0].exp() - 1).log())
    equal_on_average(log_prob(q, z) - log_prob(p, z), divergence(q, same, z)[0])


def test_the_presence_reference_follows_its_schedule() -> None:
    prior = BernoulliPrior(rate=Linear(from_=0.1, to=0.001, until=4000))
    for step, rate in ((0, 0.1), (2000, 0.0505), (4000, 0.001), (10**6, 0.001)):
        assert prior.reference(step).probs.item() == pytest.approx(rate, rel=1e-5)


def test_the_box_reference_is_the_supplements() -> None:
    reference = NormalPrior().reference(0)
    torch.testing.assert_close(reference.mean, torch.tensor([-1.6, 0, 0, 0]))
    torch.testing.assert_close(reference.stddev, torch.tensor([0.1, 0.3, 1, 1]))
    assert divergence(normal(torch.zeros(2, 4, 4, 4), torch.zeros(1)), reference, torch.zeros(1)).shape == (2,)


def test_single_numbers_stand_for_every_coordinate() -> None:
    reference = NormalPrior(mean=(0.5,), std=(2.0,)).reference(0)
    assert reference.log_prob(torch.zeros(7, 3)).shape == (7, 3)


def test_means_and_widths_of_different_length_are_refused() -> None:
    with pytest.raises(OptionError, match="has 3 numbers where mean has 2"):
        NormalPrior(mean=(0.0, 0.0), std=(1.0, 1.0, 1.0))


def test_priors_without_parameters_leave_nothing_in_a_checkpoint() -> None:
    fixed = (StandardNormal(DIMS), NormalPrior(), BernoulliPrior(rate=Linear(from_=0.1, to=0.001, until=4000)))
    assert [dict(prior.state_dict()) for prior in fixed] == [{}, {}, {}]
