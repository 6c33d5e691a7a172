"""Objects under their masks, and what each weighs in a pixel (supplement, Algorithm 2), in few passes over memory.

Channels stand between rows and columns, `m y c x`: so each axis of an image is a plain matrix product away.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def apply_mask(decoded: Tensor, presence: Tensor) -> Tensor:
    """What there is of each object.

    Args:
        decoded: (M, C + 1, s, s): appearance o, and mask.
        presence: (M, 1, 1, 1).

    Returns:
        (M, s, C + 1, s): a * o, and a = mask * presence.
    """
    covered: Tensor = _ApplyMask.apply(decoded, presence)
    return covered


def weigh_by_occlusion(placed: Tensor, priority: Tensor) -> Tensor:
    """What each object adds to the sums over all objects.

    Args:
        placed: (M, h, C + 1, w): a * o and a, where they belong in the image.
        priority: (M, 1, 1, 1): sigmoid(-depth).

    Returns:
        (M, h, C + 2, w): a * o weighted by the occlusion weight a * priority; that weight; a.
    """
    weighed: Tensor = _WeighByOcclusion.apply(placed, priority)
    return weighed


class _ApplyMask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, decoded: Tensor, presence: Tensor) -> Tensor:
        ctx.save_for_backward(decoded, presence)
        count, channels, height, width = decoded.shape
        covered = decoded.new_empty(count, height, channels, width)
        objects, alpha = covered.transpose(1, 2).split([channels - 1, 1], dim=1)
        torch.mul(decoded[:, -1:], presence, out=alpha)
        torch.mul(decoded[:, :-1], alpha, out=objects)
        return covered

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        decoded, presence = ctx.saved_tensors
        of_objects, of_alpha = gradient.transpose(1, 2).split([decoded.shape[1] - 1, 1], dim=1)
        appearance, mask = decoded[:, :-1], decoded[:, -1:]
        through = (of_objects * appearance).sum(1, keepdim=True).add_(of_alpha)
        inner = torch.empty_like(decoded)
        torch.mul(of_objects, mask * presence, out=inner[:, :-1])
        torch.mul(through, presence, out=inner[:, -1:])
        return inner, (through * mask).sum((1, 2, 3), keepdim=True)


class _WeighByOcclusion(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, placed: Tensor, priority: Tensor) -> Tensor:
        ctx.save_for_backward(placed, priority)
        count, height, channels, width = placed.shape
        weighed = placed.new_empty(count, height, channels + 1, width)
        weighted, weights, alpha = weighed.split([channels - 1, 1, 1], dim=2)
        alpha.copy_(placed[:, :, -1:])
        torch.mul(alpha, priority, out=weights)
        torch.mul(placed[:, :, :-1], weights, out=weighted)
        return weighed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        placed, priority = ctx.saved_tensors
        of_weighted, of_weights, of_alpha = gradient.split([placed.shape[2] - 1, 1, 1], dim=2)
        objects, alpha = placed[:, :, :-1], placed[:, :, -1:]
        through = (of_weighted * objects).sum(2, keepdim=True).add_(of_weights)
        inner = torch.empty_like(placed)
        torch.mul(of_weighted, alpha * priority, out=inner[:, :, :-1])
        torch.addcmul(of_alpha, through, priority, out=inner[:, :, -1:])
        return inner, (through * alpha).sum((1, 2, 3), keepdim=True)
