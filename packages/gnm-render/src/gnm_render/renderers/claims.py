"""Objects under their masks, and what each claims of a pixel (supplement, Algorithm 2), with gradients in few passes.

Channels stand between rows and columns, `m y c x`: so each axis of an image is a plain matrix product away.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def cover(decoded: Tensor, presence: Tensor) -> Tensor:
    """What there is of each object.

    Args:
        decoded: (M, C + 1, s, s): appearance o, and mask.
        presence: (M, 1, 1, 1).

    Returns:
        (M, s, C + 1, s): a * o, and a = mask * presence.
    """
    covered: Tensor = _Cover.apply(decoded, presence)
    return covered


def claim(placed: Tensor, nearness: Tensor) -> Tensor:
    """What each object adds to the sums over all objects.

    Args:
        placed: (M, h, C + 1, w): a * o and a, where they belong in the image.
        nearness: (M, 1, 1, 1): sigmoid(-depth).

    Returns:
        (M, h, C + 2, w): a * o weighted by the claim a * nearness; the claim; a.
    """
    claimed: Tensor = _Claim.apply(placed, nearness)
    return claimed


class _Cover(torch.autograd.Function):
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


class _Claim(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, placed: Tensor, nearness: Tensor) -> Tensor:
        ctx.save_for_backward(placed, nearness)
        count, height, channels, width = placed.shape
        claimed = placed.new_empty(count, height, channels + 1, width)
        weighted, claims, alpha = claimed.split([channels - 1, 1, 1], dim=2)
        alpha.copy_(placed[:, :, -1:])
        torch.mul(alpha, nearness, out=claims)
        torch.mul(placed[:, :, :-1], claims, out=weighted)
        return claimed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        placed, nearness = ctx.saved_tensors
        of_weighted, of_claims, of_alpha = gradient.split([placed.shape[2] - 1, 1, 1], dim=2)
        objects, alpha = placed[:, :, :-1], placed[:, :, -1:]
        through = (of_weighted * objects).sum(2, keepdim=True).add_(of_claims)
        inner = torch.empty_like(placed)
        torch.mul(of_weighted, alpha * nearness, out=inner[:, :, :-1])
        torch.addcmul(of_alpha, through, nearness, out=inner[:, :, -1:])
        return inner, (through * alpha).sum((1, 2, 3), keepdim=True)
