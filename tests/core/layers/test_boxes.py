"""Boxes of an image: what they cover, and a background that is read past them."""

import pytest
import torch
from gnm_core import Dims, OptionError
from gnm_core.layers.boxes import cover, tight_boxes
from gnm_core.parts.background_encoders.surroundings import Surroundings

DIMS = Dims(channels=3, size=32, background=6)


def test_a_box_covers_its_own_area() -> None:
    where = torch.tensor([[[0.25, 0.4, 0.1, -0.3]], [[0.31, 0.11, 0.0, 0.55]]])
    covered = cover(where, torch.ones(2, 1), 32)
    torch.testing.assert_close(covered.sum((1, 2, 3)), where[:, 0, 0] * where[:, 0, 1] * 32**2)


def test_a_box_covers_what_lies_between_its_sides() -> None:
    covered = cover(torch.tensor([[[0.5, 0.25, -0.5, 0.25]]]), torch.ones(1, 1), 32)[0, 0]  # x 0 to 16, y 16 to 24
    expected = torch.zeros(32, 32)
    expected[16:24, 0:16] = 1
    torch.testing.assert_close(covered, expected)


def test_boxes_cover_by_their_presence_and_never_more_than_all() -> None:
    where = torch.tensor([0.5, 0.5, 0.0, 0.0]).expand(1, 3, 4)
    assert cover(where, torch.tensor([[0.0, 0.25, 0.5]]), 32).max() == pytest.approx(0.75)
    assert cover(where, torch.tensor([[1.0, 1.0, 0.5]]), 32).max() == 1


def test_what_lies_in_a_box_hardly_colours_the_background() -> None:
    encoder = Surroundings(DIMS, side=4, inside=0.01)
    image = torch.full((1, 3, 32, 32), 0.3)
    covered = torch.zeros(1, 1, 32, 32)
    covered[..., 9:15, 2:20] = 1
    other = torch.where(covered > 0, torch.rand(1, 3, 32, 32), image)
    torch.testing.assert_close(encoder.tiles(other, covered), encoder.tiles(image, covered), atol=0.02, rtol=0)
    seen = (encoder.tiles(other, 0 * covered) - encoder.tiles(image, 0 * covered)).abs().max()
    assert seen > 0.05


def test_a_tile_that_is_all_covered_takes_the_colour_beside_it() -> None:
    encoder = Surroundings(DIMS, side=4, inside=0.001)
    image, covered = torch.full((1, 3, 32, 32), 0.2), torch.zeros(1, 1, 32, 32)
    image[..., 8:16, 8:16], covered[..., 8:16, 8:16] = 1.0, 1.0
    assert (encoder.tiles(image, covered)[0, :, 1, 1] + 0.5 - 0.2).abs().max() < 0.1


def test_tiles_in_the_midst_of_what_is_covered_look_as_far_as_they_have_to() -> None:
    image, covered = torch.full((1, 3, 32, 32), 0.2), torch.zeros(1, 1, 32, 32)
    image[..., 4:28, 4:28], covered[..., 4:28, 4:28] = 1.0, 1.0
    beside, far = (Surroundings(DIMS, side=8, inside=0.001, fill=fill) for fill in ("beside", "far"))
    assert (far.tiles(image, covered) + 0.5 - 0.2).abs().max() < 0.1
    assert (beside.tiles(image, covered) + 0.5 - 0.2).abs().max() > 0.5


def test_far_and_beside_see_an_open_picture_alike() -> None:
    image, nothing = torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    tiles = torch.nn.functional.adaptive_avg_pool2d(image, 4)
    seen = Surroundings(DIMS, side=4, fill="far").tiles(image, nothing) + 0.5
    assert (seen - tiles).abs().mean() < 0.5 * (tiles - tiles.mean((2, 3), keepdim=True)).abs().mean()


def test_a_code_that_begins_as_colours_paints_the_tiles_at_once() -> None:
    dims = Dims(channels=3, size=32, background=48)
    encoder = Surroundings(dims, side=4, begin="colours")
    image = torch.rand(2, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    mean, _ = encoder(image, torch.zeros(2, 1, 32, 32)).chunk(2, dim=1)
    tiles = (encoder.tiles(image, torch.zeros(2, 1, 32, 32)) + 0.5).flatten(1)
    assert (mean.sigmoid() - tiles).abs().max() < 0.09
    with pytest.raises(OptionError, match=r"dims\.background = 48 numbers"):
        Surroundings(DIMS, side=4, begin="colours")
    with pytest.raises(OptionError, match="no hidden layers"):
        Surroundings(dims, side=4, begin="colours", hidden=(8,))


def test_an_image_has_whole_tiles() -> None:
    with pytest.raises(OptionError, match="5 tiles do not divide a side of 32 px"):
        Surroundings(DIMS, side=5)


def test_a_tight_box_ends_where_the_shape_does() -> None:
    shapes = torch.zeros(1, 2, 32, 32)
    shapes[0, 0, 5:9, 10:30] = 0.7
    shapes[0, 1, 20:32, 0:1] = 0.02
    boxes = tight_boxes(shapes, torch.zeros(1, 2, 4))
    expected = torch.tensor([[10.0, 5, 30, 9], [0, 20, 1, 32]])
    torch.testing.assert_close(boxes[0], expected, atol=0.3, rtol=0)


def test_a_tight_box_lies_between_pixels_where_an_edge_is_soft() -> None:
    shapes = torch.zeros(1, 1, 16, 16)
    shapes[0, 0, 4:8, 4:8] = 1
    shapes[0, 0, 4:8, 8] = 0.75  # three quarters of one pixel more
    boxes = tight_boxes(shapes, torch.zeros(1, 1, 4))[0, 0]
    sharp = [boxes[0].item(), boxes[1].item(), boxes[3].item()]
    assert sharp == pytest.approx([4 - 0.25, 4 - 0.25, 8 + 0.25], abs=0.01)  # the edge is a line from pixel to pixel
    assert boxes[2].item() == pytest.approx(8.5 + 2 / 3, abs=0.01)


def test_what_shows_nothing_keeps_its_own_box() -> None:
    own = torch.tensor([[[1.0, 2, 3, 4]]])
    assert torch.equal(tight_boxes(torch.zeros(1, 1, 8, 8), own), own)
