"""Sampling and training use the same priors; divergences agree with Monte Carlo."""

import pytest
import torch
from gnm_core.distributions import divergence, log_prob
from torch import Tensor
from torch.distributions import Normal

from .small import small

N = 4000


def assert_standard(z: Tensor) -> None:
    """(N, ...): every coordinate has mean 0 and standard deviation 1, as samples of their own prior have."""
    torch.testing.assert_close(z.mean(0), torch.zeros_like(z[0]), atol=6 / N**0.5, rtol=0)
    torch.testing.assert_close(z.std(0), torch.ones_like(z[0]), atol=6 / N**0.5, rtol=0)


def sharpen(module: torch.nn.Module) -> None:
    """Make a network's outputs vary a lot, so that two different priors cannot look alike."""
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(3)


def standardised(p: Normal, z: Tensor) -> Tensor:
    return (z - p.mean) / p.stddev


def test_vae_samples_its_training_prior() -> None:
    model = small("vae")
    code = model.sample(N).code[:, 0]
    assert_standard(standardised(model.prior(N), code))


def test_convdraw_samples_its_training_prior() -> None:
    model = small("convdraw")
    sharpen(model.core.prior)
    code = model.sample(N).code
    scored = model.core.generate(N, code)
    for p, z in zip(scored.prior, code.unbind(1), strict=True):
        assert_standard(standardised(p, z).detach())


@torch.no_grad()
def test_genesis_samples_its_training_prior() -> None:
    model = small("genesis")
    sharpen(model.mask_prior)
    sharpen(model.component_prior)
    masks, codes = model.sample(N).code.split([model.attention.code, model.component_prior[-1].out_features // 2], -1)
    assert_standard(standardised(model.mask_prior.score(masks), masks))
    assert_standard(standardised(model.prior(masks), codes))


@torch.no_grad()
def test_space_samples_its_training_priors() -> None:
    model = small("space")
    sharpen(model.background.mask_prior)
    sharpen(model.background.component_prior)
    behind = model.background.sample(N)
    assert_standard(standardised(model.background.mask_prior.score(behind.mask_codes), behind.mask_codes))
    assert_standard(standardised(model.background.prior(behind.mask_codes), behind.codes))
    foreground, step = model.foreground, 15_000
    p, z = foreground.prior(step), foreground.sample(N, step)
    assert z.presence.mean().item() == pytest.approx(p.presence.probs.item(), abs=0.005)
    extent = torch.logit(z.where[..., :2], eps=1e-6)
    assert_standard(((extent - p.where.mean[:2]) / p.where.stddev[:2]).flatten(1, 2)[:, :1].flatten(1))
    assert_standard(standardised(p.depth, z.depth).flatten(1)[:, :1])
    assert_standard(standardised(p.what, z.what).flatten(1)[:, :1])


@pytest.mark.parametrize("name", ["vae", "convdraw", "genesis"])
def test_divergences_agree_with_monte_carlo(name: str) -> None:
    """E_q [log q - log p] of fresh samples is the closed form, for each model's last conditional."""
    model = small(name).eval()
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        if name == "vae":
            q, p = model.posterior(image), model.prior(1)
        elif name == "convdraw":
            drawing = model.core.infer(model.encoder(image))
            q, p = drawing.posterior[-1], drawing.prior[-1]
        else:
            seen = model.infer(image)
            q, p = seen.posterior, model.prior(seen.mask_codes)
        z = q.sample((N,))
        difference = (q.log_prob(z) - p.log_prob(z)).flatten(1).sum(1)
        closed = divergence(q, p, z[0])
    error = (difference.std() / N**0.5).item()
    assert difference.mean().item() == pytest.approx(closed.item(), abs=5 * error + 1e-3)


@torch.no_grad()
def test_log_weights_and_terms_score_masks_with_one_prior() -> None:
    model = small("genesis").eval()
    seen = model.infer(torch.rand(2, 3, 32, 32))
    p = model.mask_prior.score(seen.mask_codes)
    walked = sum(log_prob(Normal(p.mean[:, k], p.stddev[:, k]), seen.mask_codes[:, k]) for k in range(model.count))
    torch.testing.assert_close(walked, log_prob(p, seen.mask_codes))
