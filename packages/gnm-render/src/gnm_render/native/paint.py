"""Objects painted by `csrc/paint.c`, with gradients."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from gnm_core.native.call import Functions
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_render.renderers.base import Cells, Foreground, Glimpses, ObjectRenderer, joined

PAINT = Functions(Path(__file__).parent / "csrc", ("paint_forward", "paint_backward"))

GLIMPSES_AT_ONCE = 512
"""Glimpses that are decoded and painted together: more would be no faster and take more memory."""


def paint_objects(renderer: ObjectRenderer, cells: Cells, box_mask: float | None) -> Foreground | None:
    """Decode all objects and paint them, a few scenes at a time; None where they are not for C.

    Args:
        renderer: whose decoder it is, and whose sizes.
        cells: the objects.
        box_mask: as for `ObjectRenderer.decode`.
    """
    if not _is_for_c(*cells.fields()):
        return None
    few = cells.split(max(1, GLIMPSES_AT_ONCE // max(1, cells.count)))
    return joined([_painted(renderer, renderer.decode(some, box_mask)) for some in few])


def _painted(renderer: ObjectRenderer, glimpses: Glimpses) -> Foreground:
    if not _is_for_c(glimpses.decoded, glimpses.presence, glimpses.depth, glimpses.where):
        return renderer.paint(glimpses)
    nearness = rearrange(-glimpses.depth, "b n 1 1 1 -> b n").sigmoid().float() if glimpses.masks else None
    presence = rearrange(glimpses.presence, "b n 1 1 1 -> b n").float()
    painted = paint(glimpses.decoded.float(), presence, nearness, glimpses.where.float(), renderer.size)
    return Foreground(painted.image, None if painted.alpha is None else painted.alpha[:, None])


def _is_for_c(*tensors: Tensor) -> bool:
    """Whether these can be painted in C: nothing in them is more exact than float32."""
    return PAINT.can_take(*tensors) and not any(x.dtype == torch.float64 or x.numel() == 0 for x in tensors)


@dataclass(frozen=True)
class Painted:
    """All objects of each scene."""

    image: Tensor
    """(B, C, S, S): without masks their sum; with masks the sum of claim * object over the sum of claims."""
    alpha: Tensor | None
    """(B, S, S): the sum of their alphas; None without masks."""


def paint(decoded: Tensor, presence: Tensor, nearness: Tensor | None, where: Tensor, size: int) -> Painted:
    """Stretch each object to its box and sum them up; positions are as in `bilinear_weights`.

    Args:
        decoded: (B, N, C, s, s), or with nearness (B, N, C + 1, s, s): appearance, and mask. Float32, like the rest.
        presence: (B, N).
        nearness: (B, N), what an object's alpha is multiplied by to claim a pixel; None: there are no masks.
        where: (B, N, 4) = (width, height, x, y).
        size: S.

    Raises:
        ValueError: the sizes do not fit each other.
    """
    masks, each = nearness is not None, decoded.shape[:2]
    if presence.shape != each or where.shape != (*each, 4) or (nearness is not None and nearness.shape != each):
        raise ValueError(f"presence {presence.shape} or boxes {where.shape} do not fit objects {decoded.shape}")
    image, alpha = _Paint.apply(decoded, presence, presence if nearness is None else nearness, where, masks, size)
    return Painted(image, alpha if masks else None)


class _Paint(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, decoded: Tensor, presence: Tensor, nearness: Tensor, where: Tensor, masks: bool, size: int
    ) -> tuple[Tensor, Tensor]:
        given = [x.contiguous() for x in (decoded, presence, nearness, where)]
        scenes, objects, channels, side = decoded.shape[:4]
        ctx.sizes = (scenes, objects, channels - masks, int(masks), side, size)
        image = decoded.new_empty(scenes, channels - masks, size, size)
        alpha, claims = (decoded.new_empty(scenes if masks else 0, size, size) for _ in range(2))
        PAINT.call("paint_forward", *given, image, alpha, claims, *ctx.sizes)
        ctx.save_for_backward(image if masks else None, claims, *given)
        return image, alpha

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_image: Tensor, of_alpha: Tensor) -> tuple[Tensor | None, ...]:
        image, claims, *given = ctx.saved_tensors
        decoded, presence, nearness, where = (torch.empty_like(x) for x in given)
        gradients = (decoded, presence, nearness, where)
        PAINT.call(
            "paint_backward",
            of_image.contiguous(),
            of_alpha.contiguous(),
            image,
            claims,
            *given,
            *gradients,
            *ctx.sizes,
        )
        return decoded, presence, nearness if ctx.sizes[3] else None, where, None, None
