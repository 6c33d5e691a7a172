"""Painting in C is what spatial transformers compute, in value and gradient; without C, PyTorch paints the same."""

from collections.abc import Callable

import pytest
import torch
from einops import rearrange
from gnm_core import Dims, kernels
from gnm_render.decoders.glimpse import SubpixelGlimpse
from gnm_render.native import paint as native_paint
from gnm_render.native.paint import PAINT, _painted, paint, paint_objects
from gnm_render.renderers.base import Cells, Foreground, Glimpses, ObjectRenderer
from gnm_render.renderers.separable import SeparableRenderer
from gnm_render.renderers.stn import STNRenderer
from torch import Tensor

from ..boxes import BOXES

native = pytest.mark.skipif(not PAINT.can_take(), reason=f"nothing in C: {PAINT.why_not()}")
MASKS = pytest.mark.parametrize("masks", [False, True])
SIDE = 8

ALL_BOXES = {**BOXES, "mirrored": lambda e, c: (-0.2 - 0.3 * e, c - 0.5)}


def objects(
    masks: bool, *, channels: int = 3, boxes: str = "ordinary", scenes: int = 3, count: int = 5, side: int = SIDE
) -> list[Tensor]:
    """decoded, presence, depth, where: float32 leaves."""
    torch.manual_seed(0)
    extent, centre = ALL_BOXES[boxes](torch.rand(scenes, count, 2), torch.rand(scenes, count, 2))
    decoded = torch.rand(scenes, count, channels + masks, side, side)
    presence, depth = torch.rand(scenes, count, 1, 1, 1), torch.randn(scenes, count, 1, 1, 1)
    return [x.requires_grad_() for x in (decoded, presence, depth, torch.cat([extent, centre], -1))]


def glimpses(leaves: list[Tensor], masks: bool) -> Glimpses:
    decoded, presence, depth, where = leaves
    return Glimpses(decoded, masks, presence, depth, where)


def renderer(kind: type[ObjectRenderer], masks: bool, channels: int = 3, size: int = 40) -> ObjectRenderer:
    dims = Dims(size=size, grid=4, channels=channels, what=5, background=3)
    decoder = SubpixelGlimpse(dims, masks=masks, channels=(4,), kernels=(1, 1), upscales=(4, 2))
    return kind(dims, glimpse=decoder, background=None)


Paint = Callable[[ObjectRenderer, Glimpses], Foreground]


def in_pytorch(painter: ObjectRenderer, given: Glimpses) -> Foreground:
    return painter.paint(given)


def value_and_gradients(
    painter: ObjectRenderer, leaves: list[Tensor], masks: bool, paint: Paint = _painted
) -> list[Tensor]:
    painted = paint(painter, glimpses(leaves, masks))
    made = [painted.image] if painted.alpha is None else [painted.image, painted.alpha]
    generator = torch.Generator().manual_seed(1)
    score = sum((x * torch.randn(x.shape, generator=generator).to(x.dtype)).sum() for x in made)
    gradients = torch.autograd.grad(score, leaves, allow_unused=True)
    return [*(x.detach() for x in made), *(torch.zeros(1) if g is None else g for g in gradients)]


@native
@MASKS
@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize("boxes", ALL_BOXES)
def test_it_is_the_reference_renderer(masks: bool, channels: int, boxes: str) -> None:
    leaves = objects(masks, channels=channels, boxes=boxes)
    found = value_and_gradients(renderer(SeparableRenderer, masks, channels), leaves, masks)
    exact = [x.detach().double().requires_grad_() for x in leaves]
    expected = value_and_gradients(renderer(STNRenderer, masks, channels), exact, masks, in_pytorch)
    near = 1e-4 if boxes == "tiny" else 2e-5  # a tiny box magnifies how positions are rounded
    for ours, other in zip(found, expected, strict=True):
        assert (ours.double() - other).abs().max() <= near * other.abs().max().clamp(min=1)


@native
@MASKS
@pytest.mark.parametrize("boxes", BOXES)
def test_without_c_pytorch_paints_the_same(masks: bool, boxes: str) -> None:
    leaves, painter = objects(masks, boxes=boxes), renderer(SeparableRenderer, masks)
    found = value_and_gradients(painter, leaves, masks)
    for ours, other in zip(found, value_and_gradients(painter, leaves, masks, in_pytorch), strict=True):
        assert (ours - other).abs().max() <= 2e-5 * other.abs().max().clamp(min=1)


@native
@MASKS
def test_scenes_do_not_meet_and_threads_change_no_bit(masks: bool) -> None:
    leaves, painter = objects(masks, scenes=7), renderer(SeparableRenderer, masks)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(value_and_gradients(painter, leaves, masks))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    alone = _painted(painter, glimpses([x[2:3] for x in leaves], masks))
    assert torch.equal(alone.image[0], found[0][0][2])


@native
@MASKS
@pytest.mark.parametrize("place", range(4))
def test_what_is_not_finite_shows_in_its_scene_alone(masks: bool, place: int) -> None:
    leaves, painter = [x.detach() for x in objects(masks)], renderer(SeparableRenderer, masks)
    expected = _painted(painter, glimpses(leaves, masks)).image
    leaves[place][1].fill_(float("nan"))
    made = _painted(painter, glimpses(leaves, masks)).image
    assert torch.equal(made[[0, 2]], expected[[0, 2]])
    assert made[1].isfinite().all() == (place == 2 and not masks)  # depth is of no account without masks


@native
@MASKS
def test_a_scene_without_objects_is_black(masks: bool) -> None:
    leaves = [x[:, :0].detach() for x in objects(masks)]
    painted = _painted(renderer(SeparableRenderer, masks), glimpses(leaves, masks))
    assert painted.image.shape == (3, 3, 40, 40)
    assert not painted.image.any()


@native
def test_an_object_beyond_the_canvas_has_no_gradient_whatever_was_there_before() -> None:
    leaves = objects(True, boxes="wholly outside", scenes=1, count=2)
    with torch.no_grad():
        leaves[0][0, 0].fill_(float("nan"))
        leaves[3][0, 0] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    _, _, *gradients = value_and_gradients(renderer(SeparableRenderer, True), leaves, True)
    for gradient in gradients:
        assert not gradient[0, 1].any()


@native
def test_it_is_for_single_precision_in_memory() -> None:
    decoded, presence, _, where = (x.detach() for x in objects(False))
    flat = rearrange(presence, "b n 1 1 1 -> b n")
    turned = decoded.transpose(-1, -2).contiguous().transpose(-1, -2)
    assert torch.equal(paint(turned, flat, None, where, 40).image, paint(decoded, flat, None, where, 40).image)
    assert not native_paint._is_for_c(decoded.double())
    assert not native_paint._is_for_c(decoded.to("meta"))


@native
@MASKS
def test_a_renderer_paints_in_c_what_it_decodes(masks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    painter, where = renderer(SeparableRenderer, masks), torch.rand(3, 16, 4)
    cells = Cells(torch.rand(3, 16, 1), where, torch.randn(3, 16, 1), torch.randn(3, 16, 5))
    with kernels.reference():
        expected = painter.paint_all(cells, None)
    for at_once in (16, 512):
        monkeypatch.setattr(native_paint, "GLIMPSES_AT_ONCE", at_once)
        made = paint_objects(painter, cells, None)
        assert made is not None
        torch.testing.assert_close(made.image, expected.image, rtol=1e-4, atol=1e-5)
        assert torch.equal(painter.paint_all(cells, None).image, made.image)
    exact = Cells(*(x.double() for x in cells.fields()))
    assert paint_objects(painter, exact, None) is None


@native
@MASKS
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_painting_is_an_operator(masks: bool) -> None:
    decoded, presence, depth, where = objects(masks)
    flat = [rearrange(x.detach(), "b n 1 1 1 -> b n").requires_grad_() for x in (presence, depth)]
    torch.library.opcheck(torch.ops.gnm_render.paint.default, (decoded, *flat, where, masks, 40))
