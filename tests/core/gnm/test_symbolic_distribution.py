"""The distribution over symbols as an object: its samples, modes, densities and divergences."""

import pytest
import torch
from gnm_core.distributions import bernoulli, normal
from gnm_core.latents import SymbolicDistribution
from torch import Tensor

SHAPE = (3, 2, 2)


def distribution(seed: int) -> SymbolicDistribution:
    random = torch.Generator().manual_seed(seed)

    def draw(width: int) -> Tensor:
        return torch.randn(*SHAPE, width, generator=random)

    return SymbolicDistribution(
        bernoulli(draw(1)), normal(draw(4), draw(4)), normal(draw(1), draw(1)), normal(draw(5), draw(5))
    )


def test_the_divergence_is_the_mean_of_the_difference_of_densities() -> None:
    q, p = distribution(0), distribution(1)
    torch.manual_seed(0)
    draws = [q.rsample(hard=True) for _ in range(4000)]
    found = [{name: value - p.log_prob(z)[name] for name, value in q.log_prob(z).items()} for z in draws]
    for name, exact in q.divergence(p, q.mean).items():
        estimate = torch.stack([one[name] for one in found])
        error = estimate.std(0) / len(found) ** 0.5
        assert ((estimate.mean(0) - exact).abs() < 5 * error + 1e-4).all(), name


def test_the_mode_is_the_likeliest_value() -> None:
    q = distribution(0)
    torch.manual_seed(0)
    best = q.log_prob(q.mode)
    for _ in range(50):
        other = q.log_prob(q.rsample(hard=True))
        assert all((best[name] >= other[name]).all() for name in best)


def test_hard_samples_are_zero_or_one_and_soft_ones_carry_gradients() -> None:
    logits = torch.zeros(*SHAPE, 1, requires_grad=True)
    q = SymbolicDistribution(bernoulli(logits), distribution(0).where, distribution(0).depth, distribution(0).what)
    hard, soft = q.rsample(hard=True), q.rsample(0.5)
    assert set(hard.presence.unique().tolist()) <= {0.0, 1.0}
    assert not hard.presence.requires_grad
    assert ((soft.presence > 0) & (soft.presence < 1)).all()
    soft.presence.sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["presence", "where", "depth", "what"])
def test_nothing_diverges_from_itself(name: str) -> None:
    q = distribution(0)
    torch.testing.assert_close(q.divergence(q, q.mean)[name], torch.zeros(3), atol=1e-5, rtol=0)
