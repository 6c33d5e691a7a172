"""Both renderers are one function: value and gradient, wherever the boxes lie; and that function is the paper's."""

from dataclasses import fields

import pytest
import torch
from einops import rearrange
from gnm_core import Dims, SymbolicLatents
from gnm_core.gnm.where import to_pixels
from gnm_core.results import Rendering
from gnm_render.decoders.background import SubpixelBackground
from gnm_render.decoders.glimpse import SubpixelGlimpse
from gnm_render.renderers.base import Cells, ObjectRenderer
from gnm_render.renderers.separable import SeparableRenderer
from gnm_render.renderers.stn import STNRenderer
from torch import Tensor
from torch.nn import functional as F

from ..boxes import BOXES

BOTH = pytest.mark.parametrize("kind", [SeparableRenderer, STNRenderer])
VARIANTS = pytest.mark.parametrize(
    ("masks", "background"), [(False, False), (True, False), (False, True), (True, True)]
)
SIZES = pytest.mark.parametrize("sizes", [(4, 32, 64), (1, 16, 32), (3, 8, 48), (2, 48, 24), (8, 4, 96)])
"""Grid, pixels of the glimpse, pixels of the image."""
FACTORS = {4: (4,), 8: (4, 2), 16: (4, 4), 24: (4, 3, 2), 32: (4, 4, 2), 48: (4, 4, 3), 64: (4, 4, 4), 96: (4, 4, 6)}


def renderer(
    kind: type[ObjectRenderer], grid: int, glimpse: int, size: int, *, masks: bool, background: bool, channels: int = 3
) -> ObjectRenderer:
    """Real decoders with random weights; both kinds get the same ones."""
    torch.manual_seed(0)
    dims = Dims(size=size, grid=grid, channels=channels, what=5, background=3)

    def sizes(target: int) -> dict:
        steps = FACTORS[target]
        return {"channels": (6,) * (len(steps) - 1), "kernels": (3,) * len(steps), "upscales": steps}

    return kind(
        dims,
        glimpse=SubpixelGlimpse(dims, masks=masks, **sizes(glimpse)),
        background=SubpixelBackground(dims, **sizes(size)) if background else None,
    ).double()


def scene(grid: int, boxes: str = "ordinary", batch: int = 2, hard: bool = False) -> SymbolicLatents:
    torch.manual_seed(1)
    shape = (batch, grid, grid)
    extent, centre = BOXES[boxes](torch.rand(*shape, 2), torch.rand(*shape, 2))
    presence = torch.rand(*shape, 1)
    return SymbolicLatents(
        presence=(presence > 0.5).double() if hard else presence.double(),
        where=torch.cat([extent, centre], -1).double(),
        depth=torch.randn(*shape, 1).double(),
        what=torch.randn(*shape, 5).double(),
    )


def tensors(named: SymbolicLatents | Rendering) -> list[Tensor]:
    return [getattr(named, field.name) for field in fields(named)]


def value_and_gradients(painter: ObjectRenderer, latents: SymbolicLatents, code: Tensor) -> tuple[list, list]:
    inputs = [x.clone().requires_grad_() for x in (*tensors(latents), code)]
    rendering = painter(SymbolicLatents(*inputs[:-1]), inputs[-1])
    torch.manual_seed(2)
    loss = sum(
        (layer * torch.randn(layer.shape, dtype=layer.dtype)).sum() for layer in (rendering.image, rendering.alpha)
    )
    gradients = torch.autograd.grad(loss, [*inputs, *painter.parameters()], allow_unused=True)
    return [rendering.image, rendering.foreground, rendering.alpha, rendering.background], list(gradients)


def assert_close(ours: list, theirs: list, tolerance: float) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert torch.isfinite(a).all()
            assert (a - b).abs().max() <= tolerance * b.abs().max().clamp(min=1)


@SIZES
@VARIANTS
@pytest.mark.parametrize("boxes", BOXES)
def test_the_two_renderers_agree(sizes: tuple[int, int, int], masks: bool, background: bool, boxes: str) -> None:
    latents, code = scene(sizes[0], boxes), torch.randn(2, 3).double()
    fast, plain = (
        value_and_gradients(renderer(kind, *sizes, masks=masks, background=background), latents, code)
        for kind in (SeparableRenderer, STNRenderer)
    )
    assert_close(fast[0], plain[0], 1e-9)
    assert_close(fast[1], plain[1], 1e-9)


@VARIANTS
def test_they_agree_in_single_precision(masks: bool, background: bool) -> None:
    latents, code = scene(4), torch.randn(2, 3)
    latents = SymbolicLatents(*(x.float() for x in tensors(latents)))
    fast, plain = (
        value_and_gradients(renderer(kind, 4, 16, 64, masks=masks, background=background).float(), latents, code)
        for kind in (SeparableRenderer, STNRenderer)
    )
    assert_close(fast[0], plain[0], 1e-5)
    assert_close(fast[1], plain[1], 1e-5)


@VARIANTS
@pytest.mark.parametrize("help", [{"box_mask": 0.9}, {"alpha": 0.9}])
def test_they_agree_under_a_curriculum(masks: bool, background: bool, help: dict) -> None:
    latents, code = scene(3), torch.randn(2, 3).double()
    fast, plain = (
        renderer(kind, 3, 8, 48, masks=masks, background=background)(latents, code, **help)
        for kind in (SeparableRenderer, STNRenderer)
    )
    assert_close(tensors(fast), tensors(plain), 1e-9)


@BOTH
@pytest.mark.parametrize("masks", [False, True])
def test_the_gradient_is_the_slope(kind: type[ObjectRenderer], masks: bool) -> None:
    painter = renderer(kind, 2, 8, 24, masks=masks, background=True)
    inputs = [*tensors(scene(2)), torch.randn(2, 3).double()]
    direction = [torch.randn(x.shape).double() for x in inputs]
    weight = torch.randn(2, 3, 24, 24).double()

    def along(t: Tensor) -> Tensor:
        *latents, code = (x + t * d for x, d in zip(inputs, direction, strict=True))
        return (painter(SymbolicLatents(*latents), code).image * weight).sum()

    (gradient,) = torch.autograd.grad(along(t := torch.zeros((), dtype=torch.double, requires_grad=True)), t)
    slope = (along(torch.tensor(1e-6)) - along(torch.tensor(-1e-6))) / 2e-6
    torch.testing.assert_close(gradient, slope, rtol=1e-5, atol=1e-5)


@BOTH
def test_placing_and_cropping_are_inverse_where_pixels_meet(kind: type[ObjectRenderer]) -> None:
    """An 8 px glimpse in a 24 px box: every glimpse pixel's centre falls on the centre of every third image pixel."""
    painter = renderer(kind, 1, 8, 64, masks=False, background=False, channels=1)
    glimpse = torch.rand(1, 1, 1, 8, 8).double()
    left, top, side = 7, 30, 24
    where = torch.tensor([side, side, 2 * left + side - 64, 2 * top + side - 64]).double() / 64
    canvas = painter.place(glimpse, where.expand(1, 1, 4))
    torch.testing.assert_close(canvas[..., top + 1 : top + side : 3, left + 1 : left + side : 3], glimpse)


@BOTH
def test_placing_and_cropping_are_inverse_for_smooth_pictures(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 1, 16, 96, masks=False, background=False, channels=1)
    axis = torch.linspace(-1, 1, 16).double()
    blob = torch.exp(-4 * (axis[:, None] - 0.2) ** 2 - 6 * axis[None] ** 2)[None, None, None]
    for box in ([0.5, 0.5, 0.1, -0.3], [0.7, 0.4, 0.2, 0.5], [0.33, 0.61, -0.42, 0.17]):
        w, h, x, y = box
        canvas = painter.place(blob, torch.tensor(box).double().expand(1, 1, 4))[:, 0]
        theta = torch.tensor([[w, 0, x], [0, h, y]]).double()[None]
        crop = F.grid_sample(canvas, F.affine_grid(theta, [1, 1, 16, 16], align_corners=False), align_corners=False)
        assert (crop - blob[0])[..., 1:-1, 1:-1].abs().max() < 0.05  # half a pixel off would be 0.14


@BOTH
def test_a_box_that_spans_the_image_is_the_glimpse_itself(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 1, 24, 24, masks=False, background=False)
    glimpse = torch.rand(2, 1, 3, 24, 24).double()
    torch.testing.assert_close(painter.place(glimpse, torch.tensor([1.0, 1, 0, 0]).double().expand(2, 1, 4)), glimpse)


@BOTH
@pytest.mark.parametrize("boxes", BOXES)
def test_nothing_is_painted_beyond_a_box(kind: type[ObjectRenderer], boxes: str) -> None:
    painter = renderer(kind, 3, 8, 48, masks=False, background=False, channels=1)
    where = rearrange(scene(3, boxes).where, "b h w d -> b (h w) d")
    canvas = painter.place(torch.ones(2, 9, 1, 8, 8).double(), where)
    x0, y0, x1, y1 = (to_pixels(where, 48)[..., None]).unbind(-2)
    slack = where[..., :2] * 48 / 8 / 2  # bilinear sampling bleeds half a glimpse pixel
    centres = torch.arange(48).double() + 0.5
    columns = (centres >= x0 - slack[..., :1]) & (centres <= x1 + slack[..., :1])
    rows = (centres >= y0 - slack[..., 1:]) & (centres <= y1 + slack[..., 1:])
    inside = rows[..., :, None] & columns[..., None, :]
    assert not canvas[:, :, 0][~inside].any()
    assert canvas.max() <= 1 + 1e-9


@BOTH
def test_moving_a_box_by_a_pixel_moves_the_picture_by_a_pixel(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 1, 8, 48, masks=False, background=False)
    glimpse, where = torch.rand(1, 1, 3, 8, 8).double(), torch.tensor([0.33, 0.27, 0.1, -0.2]).double()
    here = painter.place(glimpse, where.expand(1, 1, 4))
    there = painter.place(glimpse, (where + torch.tensor([0, 0, 2 / 48, -4 / 48])).expand(1, 1, 4))
    torch.testing.assert_close(there, here.roll((-2, 1), (-2, -1)))


@BOTH
@VARIANTS
def test_a_rendering_keeps_its_contract(kind: type[ObjectRenderer], masks: bool, background: bool) -> None:
    painter = renderer(kind, 4, 16, 64, masks=masks, background=background)
    assert painter.masks == masks
    assert (painter.background is not None) == background
    seen = painter(scene(4), torch.randn(2, 3).double())
    assert seen.image.shape == seen.foreground.shape == seen.background.shape == (2, 3, 64, 64)
    assert seen.alpha.shape == (2, 1, 64, 64)
    assert seen.alpha.min() >= 0
    assert seen.alpha.max() <= 1
    torch.testing.assert_close(seen.image, seen.foreground + (1 - seen.alpha) * seen.background)
    assert bool(seen.background.any()) == background


@BOTH
@pytest.mark.parametrize("masks", [False, True])
def test_layers_are_the_objects_one_by_one(kind: type[ObjectRenderer], masks: bool) -> None:
    painter = renderer(kind, 3, 16, 48, masks=masks, background=masks)
    latents = scene(3)
    layers = painter.layers(latents)
    assert layers.images.shape == (2, 9, 3, 48, 48)
    assert layers.masks.shape == (2, 9, 1, 48, 48)
    assert len(set(layers.names)) == 9
    assert not layers.images.requires_grad
    for layer in (layers.images, layers.masks):
        assert layer.min() >= 0
        assert layer.max() <= 1 + 1e-9
    if not masks:
        there = rearrange(latents.presence, "b h w 1 -> b (h w) 1 1 1")
        torch.testing.assert_close((there * layers.images).sum(1), painter(latents).image)


@BOTH
def test_nearer_objects_hide_others(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 2, 8, 24, masks=True, background=False)
    latents = scene(2, batch=1)
    where = torch.tensor([0.5, 0.5, 0, 0]).double().expand(1, 2, 2, 4)
    present = torch.ones(1, 2, 2, 1).double()

    def centre(depth: list[float]) -> Tensor:
        shape = torch.tensor(depth).double().reshape(1, 2, 2, 1)
        return painter(SymbolicLatents(present, where, shape, latents.what), box_mask=1.0).image[..., 8:16, 8:16]

    alone = [centre([-40 if i == k else 40 for i in range(4)]) for k in range(4)]
    layers = painter.layers(SymbolicLatents(present, where, present, latents.what)).images[..., 8:16, 8:16]
    for k, picture in enumerate(alone):
        torch.testing.assert_close(picture, layers[:, k], atol=1e-6, rtol=0)


@BOTH
def test_a_full_alpha_still_has_a_gradient(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 2, 8, 24, masks=True, background=True)
    where = torch.tensor([1.5, 1.5, 0, 0]).double().expand(1, 2, 2, 4)
    presence = torch.ones(1, 2, 2, 1).double().requires_grad_()
    latents = scene(2, batch=1)
    alpha = painter(
        SymbolicLatents(presence, where, latents.depth, latents.what), torch.zeros(1, 3).double(), box_mask=0.9
    ).alpha
    assert alpha.max() <= 1
    assert alpha.min() > 0.999
    (slope,) = torch.autograd.grad(alpha.sum(), presence)
    assert (slope > 1).all()


@BOTH
@VARIANTS
@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_leaving_out_absent_objects_changes_nothing(
    kind: type[ObjectRenderer], masks: bool, background: bool, count: int
) -> None:
    """Without gradients, absent objects are never decoded."""
    painter = renderer(kind, 3, 8, 48, masks=masks, background=background)
    latents, code = scene(3), torch.randn(2, 3).double()
    places = torch.stack([torch.randperm(9)[:count] for _ in range(2)])
    presence = torch.zeros(2, 9).double().scatter(1, places, 1.0).reshape(2, 3, 3, 1)
    presence[0] *= torch.rand(3, 3, 1).round()  # scenes with different counts
    latents = SymbolicLatents(presence, latents.where, latents.depth, latents.what)
    everything = painter(latents, code)
    with torch.no_grad():
        present_only = painter(latents, code)
    assert_close(tensors(present_only), [x.detach() for x in tensors(everything)], 1e-12)


@BOTH
def test_the_supplements_curriculum_fills_every_box(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 1, 8, 24, masks=True, background=True)
    latents, code = scene(1, batch=1), torch.randn(1, 3).double()
    where = torch.tensor([0.5, 0.5, 0, 0]).double().expand(1, 1, 1, 4)
    latents = SymbolicLatents(torch.ones_like(latents.presence), where, latents.depth, latents.what)
    alpha = painter(latents, code, box_mask=0.9).alpha
    torch.testing.assert_close(alpha[..., 7:17, 7:17], torch.full((1, 1, 10, 10), 0.9).double())
    assert alpha[..., :5, :].max() < 1e-9


@BOTH
def test_the_published_curriculum_covers_the_image(kind: type[ObjectRenderer]) -> None:
    painter = renderer(kind, 2, 8, 24, masks=True, background=True)
    latents, code = scene(2), torch.randn(2, 3).double()
    helped, plain = painter(latents, code, alpha=0.9), painter(latents, code)
    assert (helped.alpha == 0.9).all()
    torch.testing.assert_close(helped.foreground, plain.foreground)
    torch.testing.assert_close(helped.image, plain.foreground + 0.1 * plain.background, atol=1e-9, rtol=0)


@BOTH
def test_a_background_needs_its_code(kind: type[ObjectRenderer]) -> None:
    with pytest.raises(ValueError, match="needs z\\^b"):
        renderer(kind, 2, 8, 24, masks=True, background=True)(scene(2))


@pytest.mark.parametrize("size", [32, 128, 512])
def test_no_object_needs_a_canvas_without_masks(size: int) -> None:
    """The separable renderer's largest saved tensor is far smaller than one canvas for every object."""
    dims = Dims(size=size, grid=4, what=5)
    painter = SeparableRenderer(dims, glimpse=SubpixelGlimpse(dims, channels=(4,), kernels=(1, 1), upscales=(4, 2)))
    latents = SymbolicLatents(*(x.float().requires_grad_() for x in tensors(scene(4))))
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()) or x, lambda x: x):
        painter(latents)
    assert max(saved) <= 2 * 16 * size * 8


@BOTH
@pytest.mark.parametrize("masks", [False, True])
def test_bf16_does_not_round_boxes(kind: type[ObjectRenderer], masks: bool) -> None:
    painter = renderer(kind, 4, 16, 64, masks=masks, background=False).float()
    latents = SymbolicLatents(*(x.float() for x in tensors(scene(4))))
    gradients = []
    for rounded in (False, True):
        where = latents.where.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            image = painter(SymbolicLatents(latents.presence, where, latents.depth, latents.what)).image
        gradients.append(torch.autograd.grad((image.float() ** 2).sum(), where)[0])
    assert (gradients[1] - gradients[0]).norm() < 0.05 * gradients[0].norm()


def test_both_paint_decoded_objects_alike() -> None:
    painters = [renderer(kind, 3, 8, 48, masks=True, background=False) for kind in (SeparableRenderer, STNRenderer)]
    cells = [rearrange(x, "b h w d -> b (h w) d") for x in tensors(scene(3, "partly outside"))]
    fast, reference = (painter.paint(painter.decode(Cells(*cells))) for painter in painters)
    torch.testing.assert_close(fast.image, reference.image, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(fast.alpha, reference.alpha, rtol=1e-5, atol=1e-5)
