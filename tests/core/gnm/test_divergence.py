"""Closed forms of divergences are for the densities that they are about: a subclass may have one of its own."""

import pytest
import torch
from gnm_core.distributions import divergence, elementwise_divergence
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence


class Folded(Normal):
    """Mirrored at its mean and folded onto one side: twice the Normal's density there, none on the other side."""

    def log_prob(self, value: Tensor) -> Tensor:
        said: Tensor = super().log_prob(value) + torch.log(torch.tensor(2.0))
        return said.where(value >= self.loc, -torch.inf)


class Named(Normal):
    """A Normal under another name."""


def pair(first: type[Normal], second: type[Normal]) -> tuple[Normal, Normal, Tensor]:
    random = torch.Generator().manual_seed(0)
    mean = torch.randn(3, 5, generator=random)
    q, p = first(mean, torch.full((3, 5), 0.5)), second(mean - 0.3, torch.full((3, 5), 1.5))
    return q, p, mean + 0.5 * torch.randn(3, 5, generator=random).abs()


@pytest.mark.parametrize(("first", "second"), [(Folded, Normal), (Normal, Folded), (Folded, Folded)])
def test_a_density_of_its_own_is_the_one_that_counts(first: type[Normal], second: type[Normal]) -> None:
    q, p, sample = pair(first, second)
    expected = q.log_prob(sample) - p.log_prob(sample)
    assert torch.equal(elementwise_divergence(q, p, sample), expected)
    assert torch.allclose(divergence(q, p, sample), expected.sum(1))
    joint = [Independent(one, 1) for one in (q, p)]
    assert torch.allclose(divergence(*joint, sample), expected.sum(1))


def test_a_subclass_without_one_is_compared_in_closed_form() -> None:
    q, p, sample = pair(Named, Named)
    exact = kl_divergence(Normal(q.loc, q.scale), Normal(p.loc, p.scale))
    assert torch.allclose(elementwise_divergence(q, p, sample), exact)
    assert torch.equal(elementwise_divergence(q, p, sample), elementwise_divergence(q, p, sample + 1))
