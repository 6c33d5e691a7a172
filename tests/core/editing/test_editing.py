"""Laws of edits: what changes, where, and nothing else."""

import copy
import gc
import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from gnm_core import Model, Scene, compose
from gnm_core.errors import EditError
from PIL import Image

NAMES = ("gnm", "gnm-masks", "space")
Make = Callable[..., Scene]


def outside(size: int, *boxes: torch.Tensor) -> torch.Tensor:
    """(H, W) bool: pixels that no box touches, with a pixel's margin for the edges of what is stretched."""
    rows = torch.arange(size)
    free = torch.ones(size, size, dtype=torch.bool)
    for x0, y0, x1, y1 in (box.tolist() for box in boxes):
        inside_x, inside_y = (rows >= x0 - 2) & (rows <= x1 + 1), (rows >= y0 - 2) & (rows <= y1 + 1)
        free &= ~(inside_y[:, None] & inside_x[None])
    return free


def box(scene: Scene, number: int) -> torch.Tensor:
    return scene.objects.boxes[0, scene.objects.order(0)[number]]


@pytest.mark.parametrize("name", NAMES)
def test_a_moved_object_changes_pixels_where_it_was_and_where_it_is_and_nowhere_else(name: str, scene_of: Make) -> None:
    scene = scene_of(name)
    before = scene.image.clone()
    moved = scene.move(1, 4, -2)
    assert torch.allclose(box(moved, 1) - box(scene, 1), torch.tensor([4.0, -2.0, 4.0, -2.0]), atol=1e-4)
    free = outside(scene.image.shape[-1], box(scene, 1), box(moved, 1))
    difference = (moved.image - scene.image).abs()[0].amax(0)
    assert difference[free].max() < 1e-6
    assert difference[~free].max() > 1e-3
    assert torch.equal(scene.image, before), "an edit leaves the scene that it began with alone"
    assert torch.allclose(moved.move(1, -4, 2).image, scene.image, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_whole_pixels_move_as_they_are(name: str, scene_of: Make) -> None:
    scene = scene_of(name, there=1)
    assert torch.allclose(
        scene.move(0, 3, 2).rendering.foreground[..., 2:, 3:], scene.rendering.foreground[..., :-2, :-3], atol=2e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_resizing_goes_about_the_centre_and_back(name: str, scene_of: Make) -> None:
    scene = scene_of(name)
    larger = scene.resize(0, 1.5)
    old, new = box(scene, 0).view(2, 2), box(larger, 0).view(2, 2)
    assert torch.allclose(old.mean(0), new.mean(0), atol=1e-4)
    assert torch.allclose((old[1] - old[0]) * 1.5, new[1] - new[0], atol=1e-4)
    wide = scene.resize(0, 2, 1)
    extent = box(wide, 0).view(2, 2).diff(dim=0)[0] / box(scene, 0).view(2, 2).diff(dim=0)[0]
    assert torch.allclose(extent, torch.tensor([2.0, 1.0]), atol=1e-4)
    assert torch.allclose(larger.resize(0, 1 / 1.5).image, scene.image, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_removing_uncovers_what_is_behind_and_numbers_move_up(name: str, scene_of: Make) -> None:
    scene = scene_of(name, there=3)
    one_less = scene.remove(0)
    assert int(one_less.objects.present.sum()) == 2
    assert torch.equal(box(one_less, 0), box(scene, 1))
    free = outside(scene.image.shape[-1], box(scene, 0))
    assert (one_less.image - scene.image).abs()[0].amax(0)[free].max() < 1e-6
    empty = one_less.remove(0).remove(0)
    assert torch.allclose(empty.image, empty.rendering.background.clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_one_more_object_and_without_its_original_a_move(name: str, scene_of: Make) -> None:
    scene = scene_of(name, there=2)
    doubled = scene.duplicate(0, 5, 3)
    assert int(doubled.objects.present.sum()) == 3
    numbers = [n for n in range(3) if torch.allclose(box(doubled, n), box(scene, 0))]
    assert torch.allclose(doubled.remove(numbers[0]).image, scene.move(0, 5, 3).image, atol=1e-5)
    full = scene_of(name, there=scene.objects.present.shape[1])
    with pytest.raises(EditError, match="there is no room for another object"):
        full.duplicate(0, 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_swapping_twice_changes_nothing_and_a_code_is_as_good_as_its_object(name: str, scene_of: Make) -> None:
    scene = scene_of(name)
    swapped = scene.swap(0, 2)
    assert (swapped.image - scene.image).abs().max() > 1e-3
    assert torch.equal(swapped.swap(2, 0).image, scene.image)
    code = scene.objects.what[0, scene.objects.order(0)[2]]
    assert torch.equal(scene.with_what(0, 2).image, scene.with_what(0, code).image)
    assert torch.equal(scene.with_what(0, 2).objects.what[0, 0], code)


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        *(("gnm-masks", depths) for depths in ((0.0, 1.0), (-6.0, -7.0), (5.0, -5.0))),
        *(("space", depths) for depths in ((0.0, 1.0), (5.0, -2.0))),  # of what is nearer, claims are made smaller
    ],
)
def test_to_the_front_hides_what_it_overlaps_and_changes_nothing_elsewhere(
    name: str, depths: tuple[float, float], scene_of: Make
) -> None:
    scene = scene_of(name, there=3)
    latents = scene.latents
    depth = latents.depth.flatten(1, 2).clone()
    depth[0, :2, 0] = torch.tensor(depths)
    scene = replace(scene, latents=replace(latents, depth=depth.view_as(latents.depth)))
    gap = box(scene, 1) - box(scene, 0)
    scene = scene.move(0, float(gap[0]), float(gap[1]))  # onto object 1
    front = scene.to_front(0)
    alone = scene.remove(2).remove(1)
    covered = alone.rendering.alpha[0, 0] > 0.05
    shows = alone.rendering.alpha[0]
    look, seen = (one.rendering.foreground[0] / one.rendering.alpha[0].clamp(min=1e-6) for one in (alone, front))
    assert ((look - seen) * shows)[:, covered].abs().max() < 0.2
    others = outside(scene.image.shape[-1], box(scene, 0))
    assert (front.image - scene.image).abs()[0].amax(0)[others].max() < 1e-5
    rows = front.objects.order(0)
    assert front.objects.depth[0, rows[0]] < front.objects.depth[0, rows[1:]].min()


def test_objects_without_masks_hide_nothing(scene_of: Make) -> None:
    with pytest.raises(EditError, match="no masks"):
        scene_of("gnm").to_front(0)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda s: s.move(3, 1, 1), "there is no object 3; this scene has objects 0 to 2"),
        (lambda s: s.move(-1, 1, 1), "there is no object -1"),
        (lambda s: s.move(True, 1, 1), "there is no object True"),
        (lambda s: s.move(0, float("nan"), 1), "dx must be a number of at most 10,000 pixels, not nan"),
        (lambda s: s.move(0, 1, 1e308), "dy must be a number"),
        (lambda s: s.resize(0, 0), "width must be a positive factor"),
        (lambda s: s.resize(0, 1, -2), "height must be a positive factor"),
        (lambda s: s.with_what(0, torch.zeros(3)), "an appearance code here is 4 finite numbers"),
        (lambda s: s.with_what(0, torch.full((4,), float("nan"))), "finite numbers"),
        (lambda s: s.swap(0, 9), "there is no object 9"),
        (lambda s: s.remove(0).remove(0).remove(0).remove(0), "this scene has no objects"),
        (lambda s: replace(s, maker=None).remove(0), "say which: scene.by"),
        (lambda s: replace(s, latents=None).remove(0), "has no symbols"),
    ],
)
def test_what_cannot_be_edited_is_said(scene_of: Make, edit: Callable[[Scene], Any], says: str) -> None:
    with pytest.raises(EditError, match=says):
        edit(scene_of("gnm"))


def test_an_edit_is_of_one_scene(models: dict[str, Model]) -> None:
    scenes = models["gnm"].sample(3)
    with pytest.raises(EditError, match=r"an edit is of one scene, and here are 3; take one: scene\[0\]"):
        scenes.remove(0)


def test_a_model_without_symbols_and_one_that_is_gone_are_said(scene_of: Make) -> None:
    vae = compose({"dims": {"size": 32}, "model": {"use": "vae", "hidden": [8, 8]}}).eval()
    with pytest.raises(EditError, match="has no symbols"):
        vae.sample(1).remove(0)
    scene = scene_of("gnm")
    with pytest.raises(EditError, match="VAE cannot paint symbols again"):
        scene.by(vae).remove(0)
    other = copy.deepcopy(scene.maker())
    lonely = scene.by(other)
    assert torch.equal(lonely.remove(0).image, scene.remove(0).image)
    del other
    gc.collect()
    with pytest.raises(EditError, match="is gone"):
        lonely.remove(0)


def test_a_batch_is_taken_apart_shown_and_saved(models: dict[str, Model]) -> None:
    scenes = models["gnm-masks"].sample(5)
    assert (len(scenes), len(scenes[1]), len(scenes[1:4]), len(list(scenes))) == (5, 1, 3, 5)
    assert torch.equal(scenes[-1].image, scenes.image[4:])
    assert torch.equal(scenes[2].objects.boxes, scenes.objects.boxes[2:3])
    assert torch.equal(scenes[2].rendering.alpha, scenes.rendering.alpha[2:3])
    with pytest.raises(IndexError, match="there is no number 5 in a batch of 5"):
        scenes[5]
    there = int(scenes.objects.present.sum())
    assert repr(scenes) == f"Scene(5 scenes of 3 x 32 x 32, {there} objects, code 2 x 3)"
    assert repr(scenes.objects) == f"Objects(5 scenes: {there} of 20 there)"
    assert repr(scenes[0]).startswith("Scene(1 scene of")
    again = pickle.loads(pickle.dumps(scenes))
    assert torch.equal(again.image, scenes.image)
    assert again.maker is None
    assert scenes.to("cpu").image.device.type == "cpu"
    with Image.open(io.BytesIO(scenes._repr_png_())) as picture:
        assert picture.size == (5 * (96 + 2), 96 + 2)


def test_objects_as_a_data_frame(models: dict[str, Model], scene_of: Make) -> None:
    frame = scene_of("space", there=2).to_dataframe()
    assert list(frame.columns[:8]) == ["scene", "object", "x0", "y0", "x1", "y1", "confidence", "depth"]
    assert list(frame["object"]) == [0, 1]
    assert frame["confidence"].is_monotonic_decreasing
    assert len(models["gnm"].sample(4).to_dataframe().columns) == 8 + 4
