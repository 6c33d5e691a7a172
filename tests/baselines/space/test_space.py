"""SPACE's boxes, painting and boundary loss against the plain way."""

import pytest
import torch
from einops import rearrange
from gnm_baselines.space.painting import boundary_loss, layers, paint
from gnm_core.layers.boxes import crop
from torch import Tensor
from torch.nn import functional as F

from ..small import small

SIZE = 40


def boxes(batch: int, count: int, largest: float) -> Tensor:
    """Boxes of all shapes, some beyond the image."""
    return torch.cat([torch.rand(batch, count, 2) * largest + 0.05, torch.rand(batch, count, 2) * 2.4 - 1.2], -1)


def grid_of(where: Tensor, side: int) -> Tensor:
    flat = where.flatten(0, 1)
    theta = torch.cat([torch.diag_embed(flat[:, :2]), flat[:, 2:, None]], -1)
    return F.affine_grid(theta, [len(flat), 1, side, side], align_corners=False)


def test_crops_are_those_of_a_spatial_transformer() -> None:
    image, where = torch.rand(3, 2, SIZE, SIZE), boxes(3, 5, 0.6)
    expected = F.grid_sample(image.repeat_interleave(5, 0), grid_of(where, 8), align_corners=False)
    expected = rearrange(expected, "(b n) c h w -> b n c h w", n=5)
    torch.testing.assert_close(crop(image, where, 8), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("largest", [0.1, 0.5, 1.0])
def test_painting_inside_windows_is_painting_on_full_canvases(largest: float) -> None:
    look, presence, depth = torch.rand(6, 9, 4, 8, 8), torch.rand(6, 9), torch.randn(6, 9)
    where = boxes(6, 9, largest)
    results = []
    for fast in (True, False):
        given = [x.clone().requires_grad_() for x in (look, presence, depth, where)]
        if fast:
            painting = paint(*given, SIZE)
            image, alpha = painting.image, painting.alpha
        else:
            by_itself = layers(*given, SIZE)
            image, alpha = (by_itself.shares * by_itself.images).sum(1), (by_itself.shares * by_itself.alphas).sum(1)
        (image.sin().sum() + alpha.square().sum()).backward()
        results.append([image.detach(), alpha.detach(), *(x.grad for x in given)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * max(1.0, float(theirs.abs().max())))


def test_the_nearer_object_wins_and_shares_sum_to_one() -> None:
    look = torch.ones(1, 2, 2, 8, 8)
    look[0, 1, 0] = 0  # one white object, one black, in the same place
    where = torch.tensor([[[0.5, 0.5, 0.0, 0.0]] * 2])
    depth = torch.tensor([[-2.0, 2.0]])
    painting = paint(look, torch.ones(1, 2), depth, where, SIZE)
    assert painting.image[0, 0, SIZE // 2, SIZE // 2] > 0.99
    shares = layers(look, torch.ones(1, 2), depth, where, SIZE).shares
    torch.testing.assert_close(shares.sum(1), torch.ones(1, 1, SIZE, SIZE))


def test_absent_objects_leave_no_trace_but_their_place_in_the_softmax() -> None:
    look, where, depth = torch.rand(2, 4, 4, 8, 8), boxes(2, 4, 0.5), torch.randn(2, 4)
    painting = paint(look, torch.zeros(2, 4), depth, where, SIZE)
    assert not painting.image.any()
    assert not painting.alpha.any()


def test_boundary_loss_is_the_mean_of_kernel_times_alpha() -> None:
    alpha, presence, where = torch.rand(2, 1, SIZE, SIZE), torch.rand(2, 3), boxes(2, 3, 0.6)
    kernel = torch.zeros(1, 1, 1, 8, 8)
    kernel[..., 2:6, 2:6] = 1
    placed = layers(torch.ones(2, 3, 1, 8, 8) * kernel, torch.ones(2, 3), torch.zeros(2, 3), where, SIZE).alphas
    expected = -(presence[..., None, None, None] * placed * alpha[:, None]).sum((1, 2, 3, 4)) / SIZE**2
    torch.testing.assert_close(boundary_loss(alpha, presence, where, 8, 2), expected, atol=1e-5, rtol=1e-4)


def test_the_boundary_loss_ends_and_priors_follow_their_schedules() -> None:
    model = small("space")
    image = torch.rand(2, 3, 32, 32)
    assert model.terms(image, 99_999).auxiliary["boundary"].any()
    assert not model.terms(image, 100_000).auxiliary["boundary"].any()
    rates = [model.foreground.prior(step).presence.probs.item() for step in (0, 7000, 10_000)]
    assert rates == pytest.approx([0.1, 0.055, 0.01], rel=1e-4)
    means = [model.foreground.prior(step).where.mean[0].item() for step in (0, 15_000, 20_000)]
    assert means == pytest.approx([-1, -1.5, -2])


def test_two_optimisers_find_their_parts() -> None:
    names = [name.split(".")[0] for name, _ in small("space").named_parameters()]
    assert set(names) == {"foreground", "background"}
