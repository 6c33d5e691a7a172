"""Objects painted by `csrc/paint.c`, with gradients."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from gnm_core.native.call import Functions
from gnm_core.native.operators import Operators
from torch import Tensor

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
    priority = rearrange(-glimpses.depth, "b n 1 1 1 -> b n").sigmoid().float() if glimpses.masks else None
    presence = rearrange(glimpses.presence, "b n 1 1 1 -> b n").float()
    painted = paint(glimpses.decoded.float(), presence, priority, glimpses.where.float(), renderer.size)
    return Foreground(painted.image, None if painted.alpha is None else painted.alpha[:, None])


def _is_for_c(*tensors: Tensor) -> bool:
    """Whether these can be painted in C: nothing in them is more exact than float32."""
    return PAINT.can_take(*tensors) and not any(x.dtype == torch.float64 or x.numel() == 0 for x in tensors)


@dataclass(frozen=True)
class Painted:
    """All objects of each scene."""

    image: Tensor
    """(B, C, S, S): without masks their sum; with masks the sum of weight * object over sum of weights."""
    alpha: Tensor | None
    """(B, S, S): the sum of their alphas; None without masks."""


def paint(decoded: Tensor, presence: Tensor, priority: Tensor | None, where: Tensor, size: int) -> Painted:
    """Stretch each object to its box and sum them up; positions are as in `bilinear_weights`.

    Args:
        decoded: (B, N, C, s, s), or with priority (B, N, C + 1, s, s): appearance, and mask. Float32, like the rest.
        presence: (B, N).
        priority: (B, N), what an object's alpha is multiplied by for its weight in a pixel; None: there are no masks.
        where: (B, N, 4) = (width, height, x, y).
        size: S.

    Raises:
        ValueError: the sizes do not fit each other.
    """
    masks, each = priority is not None, decoded.shape[:2]
    if presence.shape != each or where.shape != (*each, 4) or (priority is not None and priority.shape != each):
        raise ValueError(f"presence {presence.shape} or boxes {where.shape} do not fit objects {decoded.shape}")
    given = (decoded, presence, presence if priority is None else priority, where)
    image, alpha, _ = _paint(*given, masks, size)
    return Painted(image, alpha if masks else None)


Three = tuple[Tensor, Tensor, Tensor]
"""The image (B, C, S, S); sums of alphas and of weights, (B, S, S), empty without masks."""
Four = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of decoded, presence, priority and where."""


def _fake(decoded: Tensor, presence: Tensor, priority: Tensor, where: Tensor, masks: bool, size: int) -> Three:
    scenes, channels = decoded.shape[0], decoded.shape[2] - masks
    alpha, weights = (decoded.new_empty(scenes if masks else 0, size, size) for _ in range(2))
    return decoded.new_empty(scenes, channels, size, size), alpha, weights


def _forward(decoded: Tensor, presence: Tensor, priority: Tensor, where: Tensor, masks: bool, size: int) -> Three:
    made = _fake(decoded, presence, priority, where, masks, size)
    given = (x.contiguous() for x in (decoded, presence, priority, where))
    PAINT.call("paint_forward", *given, *made, *_sizes(decoded, masks, size))
    return made


def _sizes(decoded: Tensor, masks: bool, size: int) -> tuple[int, ...]:
    scenes, objects, channels, side = decoded.shape[:4]
    return scenes, objects, channels - masks, int(masks), side, size


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Three) -> None:
    *given, ctx.masks, ctx.size = inputs
    ctx.set_materialize_grads(False)
    image, _, weights = output
    ctx.save_for_backward(image if ctx.masks else image.new_empty(0), weights, *(x.contiguous() for x in given))


def _gradients(ctx: Any, of_image: Tensor | None, of_alpha: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    image, weights, *given = ctx.saved_tensors
    if of_image is None:
        scenes, _, channels, *_ = given[0].shape
        of_image = image.new_zeros(scenes, channels - ctx.masks, ctx.size, ctx.size)
    if of_alpha is None:
        of_alpha = torch.zeros_like(weights)
    made = _paint_backward(of_image, of_alpha, image, weights, *given, ctx.masks, ctx.size)
    decoded, presence, priority, where = made
    return decoded, presence, priority if ctx.masks else None, where, None, None


def _fake_backward(
    of_image: Tensor,
    of_alpha: Tensor,
    image: Tensor,
    weights: Tensor,
    decoded: Tensor,
    presence: Tensor,
    priority: Tensor,
    where: Tensor,
    masks: bool,
    size: int,
) -> Four:
    return torch.empty_like(decoded), torch.empty_like(presence), torch.empty_like(priority), torch.empty_like(where)


def _backward(
    of_image: Tensor,
    of_alpha: Tensor,
    image: Tensor,
    weights: Tensor,
    decoded: Tensor,
    presence: Tensor,
    priority: Tensor,
    where: Tensor,
    masks: bool,
    size: int,
) -> Four:
    objects = (decoded, presence, priority, where)
    made = _fake_backward(of_image, of_alpha, image, weights, *objects, masks, size)
    given = (of_image.contiguous(), of_alpha.contiguous(), image, weights, *objects)
    PAINT.call("paint_backward", *given, *made, *_sizes(decoded, masks, size))
    return made


_OPERATORS = Operators("gnm_render")
_OBJECTS = "Tensor decoded, Tensor presence, Tensor priority, Tensor where, bool masks, int size"
_paint_backward = _OPERATORS.define(
    f"paint_backward(Tensor of_image, Tensor of_alpha, Tensor image, Tensor weights, {_OBJECTS})"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    _backward,
    _fake_backward,
)
_paint = _OPERATORS.define(
    f"paint({_OBJECTS}) -> (Tensor, Tensor, Tensor)", _forward, _fake, keep=_keep, backward=_gradients
)
