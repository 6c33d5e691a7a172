"""The fast layers compute what their formulas do, forward and backward."""

import copy
import math
from contextlib import nullcontext

import pytest
import torch
from gnm_baselines.layers.broadcast import BroadcastDecoder
from gnm_baselines.layers.elu import elu
from gnm_baselines.layers.gated import GatedConv, GatedDense, GatedExpand, GatedTransposed
from gnm_baselines.layers.mixture import foreground_mixture_log_likelihood, mixture_log_likelihood
from gnm_baselines.layers.sticks import break_sticks
from gnm_core import kernels
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional as F

from .small import small


def assert_alike(module: nn.Module, x: Tensor) -> None:
    """Outputs, gradients and buffers of a module and of its formula, in double precision."""
    module, x = module.double(), x.double()
    reference = copy.deepcopy(module)
    with torch.no_grad():
        for ours, theirs in zip(module.parameters(), reference.parameters(), strict=True):
            ours.add_(torch.randn_like(ours) * 0.1)
            theirs.copy_(ours)
    results = []
    for network in (module, reference):
        seen = x.clone().requires_grad_()
        with kernels.reference() if network is reference else nullcontext():
            y = network(seen)
        weights = torch.linspace(-1, 1, y.numel()).view_as(y)
        (y * weights).sum().backward()
        results.append([y.detach(), seen.grad, *(p.grad for p in network.parameters()), *network.buffers()])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("stride", [1, 2])
def test_gated_convolution(stride: int) -> None:
    assert_alike(GatedConv(3, 4, stride), torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize("stride", [1, 2])
def test_gated_transposed_convolution(stride: int) -> None:
    assert_alike(GatedTransposed(3, 4, stride), torch.randn(2, 3, 8, 8))


def test_rows_beyond_one_block_are_normalised_together() -> None:
    assert_alike(GatedConv(1, 2, 1), torch.randn(3, 1, 64, 64) * 3 + 2)


def test_gated_dense_and_expand() -> None:
    assert_alike(GatedDense(3, 5, 4), torch.randn(2, 3, 4, 4))
    assert_alike(GatedExpand(5, 3, 4), torch.randn(2, 5))


@pytest.mark.parametrize("layers", [1, 3])
def test_broadcast_decoder_without_broadcasting(layers: int) -> None:
    assert_alike(BroadcastDecoder(4, 3, 12, layers=layers, channels=6), torch.randn(11, 4))


def test_outside_learning_gates_use_running_statistics() -> None:
    layer = GatedConv(3, 4, 1)
    x = torch.randn(4, 3, 8, 8)
    for _ in range(80):
        learnt = layer(x)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), learnt.detach(), rtol=0.02, atol=0.01)
        torch.testing.assert_close(layer(x[:1]), layer(x)[:1])


def test_elu() -> None:
    x = torch.linspace(-12, 12, 1000).view(2, 5, 100).requires_grad_()
    ours, theirs = elu(x), F.elu(x)
    torch.testing.assert_close(ours, theirs, atol=2e-7, rtol=1e-6)
    (grad,) = torch.autograd.grad(ours.square().sum(), x)
    (expected,) = torch.autograd.grad(theirs.square().sum(), x)
    torch.testing.assert_close(grad, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["genesis", "space"])
def test_whole_models_are_their_formulas(name: str) -> None:
    model = small(name)
    twin = copy.deepcopy(model)
    image = torch.rand(4, 3, 32, 32)
    losses = []
    for network in (model, twin):
        torch.manual_seed(5)
        with kernels.reference() if network is twin else nullcontext():
            terms = network.terms(image, 0)
        terms.elbo.sum().backward()
        losses.append(terms)
    torch.testing.assert_close(losses[0].elbo, losses[1].elbo, rtol=1e-4, atol=1e-2)
    for (key, ours), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
        scale = max(float(theirs.grad.abs().max()), 1.0)
        assert torch.allclose(ours.grad, theirs.grad, rtol=1e-2, atol=2e-3 * scale), key


@pytest.mark.parametrize("sureness", [1.0, 100.0])
def test_masks_of_broken_sticks_sum_to_one(sureness: float) -> None:
    log_masks = break_sticks(torch.randn(3, 4, 5, 5) * sureness)
    assert log_masks.shape == (3, 5, 5, 5)
    assert log_masks.isfinite().all()
    torch.testing.assert_close(log_masks.exp().sum(1), torch.ones(3, 5, 5))


def test_masks_sum_to_one_whatever_kind_of_numbers_the_logits_are() -> None:
    torch.manual_seed(0)
    for kind in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        log_masks = break_sticks((torch.randn(3, 4, 16, 16) * 3).to(kind))
        torch.testing.assert_close(log_masks.exp().sum(1).float(), torch.ones(3, 16, 16), atol=1e-5, rtol=0)


def test_mixture_likelihood_in_double_precision() -> None:
    image, components = torch.rand(2, 3, 6, 6), torch.rand(2, 4, 3, 6, 6)
    log_masks = break_sticks(torch.randn(2, 3, 6, 6) * 5)
    x, mu, masks = image.double(), components.double(), log_masks.double().exp()
    densities = Normal(mu, 0.2).log_prob(x[:, None]).sum(2).exp()
    expected = (masks * densities).sum(1).log().sum((1, 2))
    ours = mixture_log_likelihood(image, components, log_masks, 0.2)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-2)


def test_mixture_likelihood_of_hopeless_components_is_finite() -> None:
    log_masks = torch.full((1, 2, 4, 4), math.log(0.5))
    assert mixture_log_likelihood(torch.ones(1, 1, 4, 4), torch.zeros(1, 2, 1, 4, 4), log_masks, 0.01).isfinite().all()


def test_foreground_mixture_likelihood_in_double_precision() -> None:
    image, foreground, alpha = torch.rand(2, 3, 6, 6), torch.rand(2, 3, 6, 6), torch.rand(2, 1, 6, 6)
    components, log_masks = torch.rand(2, 4, 3, 6, 6), break_sticks(torch.randn(2, 3, 6, 6))
    x, a = image.double(), alpha.double()
    front = a * Normal(foreground.double(), 0.2).log_prob(x).exp()
    behind = (log_masks.double().exp()[:, :, None] * Normal(components.double(), 0.2).log_prob(x[:, None]).exp()).sum(1)
    expected = (front + (1 - a) * behind).log().sum((1, 2, 3))
    ours = foreground_mixture_log_likelihood(image, foreground, alpha, components, log_masks, sigma=0.2)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-2)
