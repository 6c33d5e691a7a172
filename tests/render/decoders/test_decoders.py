"""Decoders reach the sizes that they promise, and refuse options that do not fit."""

import pytest
import torch
from gnm_core import Dims, OptionError
from gnm_render.decoders.background import SubpixelBackground
from gnm_render.decoders.glimpse import SubpixelGlimpse
from gnm_render.decoders.mlp_glimpse import MlpGlimpse
from gnm_render.decoders.smooth_background import SmoothBackground


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kernels", "upscales", "side"),
    [((1,), (4,), 4), ((1, 3), (4, 2), 8), ((1, 1, 3), (2, 3, 5), 30), ((5, 1, 1, 3), (2, 1, 1, 1), 2)],
)
def test_a_glimpse_has_the_size_that_its_upscales_make(
    masks: bool, channels: int, kernels: tuple[int, ...], upscales: tuple[int, ...], side: int
) -> None:
    hidden = (4,) * (len(kernels) - 1)
    decoder = SubpixelGlimpse(
        Dims(channels=channels, what=5), masks=masks, channels=hidden, kernels=kernels, upscales=upscales
    )
    glimpse = decoder(3 * torch.randn(7, 5))
    assert decoder.size == side
    assert decoder.masks == masks
    assert glimpse.shape == (7, channels + masks, side, side)
    assert glimpse.min() >= 0
    assert glimpse.max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [64, 128])
def test_a_background_fills_the_image(channels: int, size: int) -> None:
    upscales = (4, 2, 4, 2, size // 64, 1)
    decoder = SubpixelBackground(Dims(channels=channels, size=size, background=6), upscales=upscales)
    image = decoder(3 * torch.randn(2, 6))
    assert image.shape == (2, channels, size, size)
    assert image.min() >= 0
    assert image.max() <= 1


def test_codes_are_decoded_one_by_one() -> None:
    """The norm is over each image alone: a batch's neighbours change nothing."""
    decoder = SubpixelGlimpse(Dims(what=5), channels=(4, 4), kernels=(1, 1, 3), upscales=(4, 2, 1))
    what = torch.randn(6, 5)
    torch.testing.assert_close(decoder(what), torch.cat([decoder(w[None]) for w in what]))


def test_the_published_decoders_have_the_published_sizes() -> None:
    mnist = SubpixelGlimpse(Dims(what=20))
    room = Dims(channels=3, what=64)
    arrow = SubpixelGlimpse(room, masks=True, channels=(128, 64, 32, 16, 8), kernels=(3,) * 6, upscales=(2,) * 6)
    assert mnist.size == 32
    assert arrow.size == 64
    assert SubpixelBackground(room)(torch.zeros(1, 10)).shape == (1, 3, 128, 128)


@pytest.mark.parametrize("part", [SubpixelGlimpse, SubpixelBackground])
@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({"channels": (4, 4), "kernels": (3, 3), "upscales": (2, 2, 2)}, "kernels", "has 2 numbers; .* make 3 layers"),
        ({"channels": (4, 4), "kernels": (3, 3, 3), "upscales": (4, 2)}, "upscales", "has 2 numbers; .* make 3 layers"),
        ({"channels": (), "kernels": (3, 3), "upscales": (8,)}, "kernels", "has 2 numbers; .* make 1 layers"),
        ({"channels": (4, 4), "kernels": (3, 4, 3), "upscales": (2, 2, 2)}, "kernels", "4 is even"),
    ],
)
def test_lists_that_do_not_fit_are_refused(part: type, options: dict, option: str, reason: str) -> None:
    with pytest.raises(OptionError, match=reason) as error:
        part(Dims(size=8), **options)
    assert error.value.option == option


def test_a_background_that_misses_the_image_is_refused() -> None:
    with pytest.raises(OptionError, match=r"\[4, 2\] grow one pixel to 8 px; the image has 64") as error:
        SubpixelBackground(Dims(size=64), channels=(4,), kernels=(1, 1), upscales=(4, 2))
    assert error.value.option == "upscales"


@pytest.mark.parametrize("masks", [False, True])
def test_a_fully_connected_glimpse_has_the_size_that_is_asked_for(masks: bool) -> None:
    decoder = MlpGlimpse(Dims(channels=3, what=5), masks=masks, size=10, hidden=(7,))
    glimpse = decoder(3 * torch.randn(6, 5))
    assert glimpse.shape == (6, 3 + masks, 10, 10)
    assert 0 <= glimpse.min() < glimpse.max() <= 1


def test_a_smooth_background_has_no_edges() -> None:
    """Between two neighbouring pixels lies no more than their share of the step between two colours."""
    decoder = SmoothBackground(Dims(channels=3, size=64, background=6), side=4)
    image = decoder(5 * torch.randn(2, 6))
    assert image.shape == (2, 3, 64, 64)
    assert 0 <= image.min() < image.max() <= 1
    assert image.diff(dim=-1).abs().max() <= 4 / 64 + 1e-6
    assert image.diff(dim=-2).abs().max() <= 4 / 64 + 1e-6
