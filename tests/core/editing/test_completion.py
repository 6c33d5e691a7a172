"""Laws of scenes made anew around kept objects, and of scenes between two."""

from collections.abc import Callable

import pytest
import torch
from gnm_core import Model, Scene, compose
from gnm_core.errors import EditError
from gnm_core.gnm.complete import _weighed
from gnm_core.gnm.where import from_image_frame, to_image_frame

Make = Callable[..., Scene]


def boxes(scene: Scene) -> set[tuple[float, ...]]:
    return {tuple(scene.objects.boxes[0, row].tolist()) for row in scene.objects.order(0)}


@pytest.mark.parametrize("name", ["gnm", "gnm-masks", "space"])
def test_kept_objects_stay_where_and_what_they_are(name: str, scene_of: Make, models: dict[str, Model]) -> None:
    scene = scene_of(name, there=3)
    rows = scene.objects.order(0)
    torch.manual_seed(0)
    completion = models[name].complete(scene, [0, 2])
    for row in (rows[0], rows[2]):
        for field in ("boxes", "present", "what", "depth", "confidence"):
            ours, theirs = getattr(scene.objects, field)[0, row], getattr(completion.scene.objects, field)[0, row]
            assert torch.equal(ours, theirs), field
    assert completion.scene.background is scene.background
    assert 1 <= completion.effective <= completion.proposals + 1e-6
    with torch.no_grad():
        painted = scene.maker().render(completion.scene.latents, scene.background)
    assert torch.equal(painted.image.clamp(0, 1), completion.scene.image)


def test_with_nothing_kept_every_proposal_counts_alike(models: dict[str, Model], scene_of: Make) -> None:
    completion = models["gnm"].complete(scene_of("gnm"), [], proposals=64)
    assert completion.effective == pytest.approx(64)
    assert models["space"].complete(scene_of("space"), []).exact


def test_codes_are_taken_in_proportion_to_how_likely_they_make_what_is_kept(
    models: dict[str, Model], scene_of: Make
) -> None:
    model, scene = models["gnm"], scene_of("gnm")
    torch.manual_seed(3)
    row = scene.objects.order(0)[0]
    with torch.no_grad():
        proposals = _weighed(model, scene, [row], 32)
        p = model.head(model.core.generate(32, proposals.code).feature_map)
        cell = divmod(row, model.dims.grid)
        raw = from_image_frame(scene.latents.where)
        expected = p.presence.log_prob(torch.ones_like(p.presence.logits))[:, cell[0], cell[1]].sum(-1)
        for q, value in ((p.where, raw), (p.depth, scene.latents.depth), (p.what, scene.latents.what)):
            expected = expected + q.log_prob(value.expand_as(q.mean))[:, cell[0], cell[1]].sum(-1)
    assert torch.allclose(proposals.log_weights, expected, rtol=1e-4)


def test_the_frame_of_boxes_goes_there_and_back() -> None:
    raw = torch.randn(2, 4, 4, 4)
    assert torch.allclose(from_image_frame(to_image_frame(raw)), raw, atol=1e-3)


def test_interpolation_begins_and_ends_at_its_ends(models: dict[str, Model]) -> None:
    model = models["gnm"]
    scenes = model.sample(2)
    between = model.interpolate(scenes[0], scenes[1], 5)
    assert len(between) == 5
    assert torch.allclose(between.image[[0, 4]], scenes.image, atol=1e-5)
    assert torch.allclose(between.code[2], (scenes.code[0] + scenes.code[1]) / 2, atol=1e-6)
    vae = compose({"dims": {"size": 32}, "model": {"use": "vae", "hidden": [8, 8]}}).eval()
    both = vae.sample(2)
    assert torch.allclose(vae.interpolate(both[0], both[1], 2).image, both.image, atol=1e-5)


def test_what_has_no_line_between_is_said(models: dict[str, Model], scene_of: Make) -> None:
    model = models["gnm"]
    scenes = model.sample(2)
    with pytest.raises(EditError, match="one of them is 2"):
        model.interpolate(scenes, scenes[0], 3)
    with pytest.raises(EditError, match="n must be a whole number from 2 to 10,000, not 1"):
        model.interpolate(scenes[0], scenes[1], 1)
    with pytest.raises(EditError, match="has no code"):
        model.interpolate(scene_of("gnm").remove(0), scenes[0], 3)
    with pytest.raises(EditError, match="SPACE has no code of the whole scene"):
        models["space"].interpolate(scenes[0], scenes[1], 3)
    with pytest.raises(EditError, match="there is no object 7"):
        model.complete(scene_of("gnm"), [7])
    with pytest.raises(EditError, match="proposals must be a whole number"):
        model.complete(scene_of("gnm"), [0], proposals=0)


def cells_model() -> Model:
    return compose(
        {
            "dims": {"channels": 1, "size": 32, "grid": 2, "features": 8, "scene": 2, "what": 3},
            "model": {
                "use": "gnm",
                "encoder": {"use": "conv", "widths": [4, 4, 4]},
                "core": {"use": "cells", "levels": 3, "width": 8, "heads": 2, "prior": 1},
                "renderer": {
                    "use": "separable",
                    "glimpse": {"use": "subpixel", "channels": [6], "kernels": [1, 3], "upscales": [4, 2]},
                },
                "head": [8],
            },
        }
    ).eval()


def test_a_core_of_cells_draws_the_others_from_its_conditional_distribution() -> None:
    torch.manual_seed(0)
    core = cells_model().core
    with torch.no_grad():  # a prior that depends on what came before
        for parameter in core.prior.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.5)
    codes = core.prior.sample(20_000)
    given = codes[0]
    kept = torch.tensor([False, True, False, True])
    like = (codes[:, kept] == given[kept]).all(-1).all(-1)
    assert int(like.sum()) > 200
    around = core.generate_around(20_000, given, kept)
    assert (around.code[:, kept] == given[kept]).all()
    weights = around.log_weights.softmax(0)
    for cell in (0, 2):
        expected = codes[like][:, cell].mean(0)
        error = codes[like][:, cell].std(0) / int(like.sum()) ** 0.5
        found = (weights[:, None] * around.code[:, cell]).sum(0)
        assert ((found - expected).abs() < 5 * error + 0.02).all(), (found, expected)


def test_completion_with_a_core_of_cells_keeps_its_promise_too() -> None:
    torch.manual_seed(3)  # weights that see an object in most scenes
    model = cells_model()
    scene = next(s for s in (model.sample(1) for _ in range(50)) if int(s.objects.present.sum()))
    completion = model.complete(scene, [0], proposals=32)
    assert boxes(scene) & boxes(completion.scene)
    assert 1 <= completion.effective <= 32 + 1e-3
