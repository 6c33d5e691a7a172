"""Laws of the Generative Neurosymbolic Machine, at sizes that take no time."""

import pytest
import torch
from gnm_core import SpecError, SymbolicLatents, compose
from gnm_core.distributions import gaussian_log_likelihood
from gnm_core.gnm.crops import read_crops
from gnm_core.gnm.model import FINAL_STEP
from gnm_core.gnm.where import to_image_frame, to_pixels
from torch import Tensor

from .machines import READINGS, STEPS, VARIANTS, machine, pictures, spec

PRIORS = [
    {"use": "autoregressive", "hidden": [8]},
    {"use": "mixture", "components": 3, "hidden": [8]},
    "standard-normal",
]
ENCODERS = ["conv", {"use": "timm", "backbone": "test_convnext"}]


@READINGS
@VARIANTS
@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize("prior", PRIORS, ids=str)
@pytest.mark.parametrize("renderer", ["separable", "stn"])
def test_gradients_reach_every_parameter(
    masks: bool, encoder: object, prior: object, renderer: str, by_eye: bool
) -> None:
    options = spec(masks, encoder=encoder, prior=prior, by_eye=by_eye)
    options["model"]["renderer"]["use"] = renderer
    torch.manual_seed(0)
    model = compose(options)
    terms = model.terms(pictures(model), STEPS)
    loss = -terms.elbo.mean() + sum(t.mean() for t in terms.auxiliary.values())
    loss.backward()
    untouched = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == []
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@READINGS
@VARIANTS
def test_every_term_is_one_finite_number_an_image(masks: bool, by_eye: bool) -> None:
    model = machine(masks, by_eye=by_eye)
    terms = model.terms(pictures(model), STEPS)
    latents = {"presence", "where", "depth", "what"} | ({"background"} if masks else set())
    assert terms.kl.keys() == latents | {"scene"}
    assert terms.auxiliary.keys() == latents
    for value in (terms.log_likelihood, *terms.kl.values(), *terms.auxiliary.values(), *terms.monitor.values()):
        assert value.shape == (4,)
        assert torch.isfinite(value).all()
    for divergence in (*terms.kl.values(), *terms.auxiliary.values()):
        assert (divergence >= -1e-4).all()
    assert not any(value.requires_grad for value in terms.monitor.values())


@READINGS
@VARIANTS
def test_an_image_is_explained_by_itself(masks: bool, by_eye: bool) -> None:
    """What stands beside it in a batch changes nothing."""
    model = machine(masks, by_eye=by_eye)
    image = pictures(model)

    def seen(batch: Tensor) -> list[Tensor]:
        terms = model.terms_of(batch, model.infer(batch, STEPS, mode=True), STEPS)
        return [terms.log_likelihood, *terms.kl.values(), *terms.auxiliary.values()]

    one_by_one = [torch.cat(values) for values in zip(*(seen(x[None]) for x in image), strict=True)]
    for together, alone in zip(seen(image), one_by_one, strict=True):
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@READINGS
@VARIANTS
@torch.no_grad()
def test_log_ratios_average_to_minus_the_divergences(masks: bool, by_eye: bool) -> None:
    """E[log p(z) - log q(z)] = -KL for every latent, with presence sampled hard."""
    model = machine(masks, by_eye=by_eye)
    seen = model.infer(pictures(model, 1).expand(4000, -1, -1, -1), FINAL_STEP, hard=True)
    kl = model.terms_of(pictures(model, 1), seen, FINAL_STEP).kl
    for name, ratio in model.log_ratios(seen).items():
        difference = ratio + kl[name]
        assert difference.mean().abs() < 5 * difference.std() / 4000**0.5 + 1e-4, name


@READINGS
@VARIANTS
@torch.no_grad()
def test_importance_weights_bound_the_likelihood_from_above_the_elbo(masks: bool, by_eye: bool) -> None:
    """Their mean is the ELBO in closed form, and their log-mean-exp is not below it."""
    model = machine(masks, by_eye=by_eye)
    image = pictures(model, 1).expand(3000, -1, -1, -1)
    weights = model.log_weights(image)
    elbo = model.terms_of(image, model.infer(image, FINAL_STEP, hard=True), FINAL_STEP).elbo
    error = ((weights.var() + elbo.var()) / 3000).sqrt()
    assert (weights.mean() - elbo.mean()).abs() < 5 * error
    groups = weights.reshape(30, 100).logsumexp(1) - torch.tensor(100.0).log()
    assert groups.mean() > elbo.mean() - 5 * error
    assert torch.isfinite(model.log_weights(image[:5], exact=False)).all()


@READINGS
@VARIANTS
@torch.no_grad()
def test_importance_weights_estimate_the_likelihood(masks: bool, by_eye: bool) -> None:
    """log E_q[w] = log E_p[p(x | z)]: posterior and prior samples agree on log p(x) where the noise is wide."""
    options = spec(masks, size=16, sigma=4, by_eye=by_eye)
    options["dims"] |= {"grid": 1, "scene": 1, "what": 1, "background": 1}
    torch.manual_seed(0)
    model = compose(options)
    for weight in model.parameters():
        weight.mul_(0.3 if weight.dim() > 1 else 1)  # posterior and prior near each other, so that few samples do
    image = pictures(model, 1)
    n = 5000
    posterior = model.log_weights(image.expand(n, -1, -1, -1))
    samples = model.generate(n, symbols="sample").rendering.image
    prior = gaussian_log_likelihood(image, samples, model.sigma)

    def log_mean(log_values: Tensor) -> tuple[Tensor, Tensor]:
        peak = log_values.max()
        values = (log_values - peak).exp()
        return values.mean().log() + peak, values.std() / values.mean() / n**0.5

    (by_q, error_q), (by_p, error_p) = log_mean(posterior), log_mean(prior)
    assert error_q < 0.1
    assert error_p < 0.1
    assert (by_q - by_p).abs() < 5 * (error_q + error_p)


@torch.no_grad()
def test_what_is_read_from_the_crop_of_the_box_alone() -> None:
    """Paint over what lies outside a cell's box: what is added to its features stays as it was."""
    model = machine(by_eye=True, size=64)
    image = pictures(model, 1)
    where = torch.tensor([0.25, 0.25, -0.5, -0.5]).expand(1, 2, 2, 4)  # 16 px about (16, 16)
    first = read_crops(model.glimpse_encoder, image, where)
    outside, inside = image.clone(), image.clone()
    outside[:, :, 26:] = 0
    inside[:, :, 14:18] = 0
    assert torch.equal(first, read_crops(model.glimpse_encoder, outside, where))
    assert not torch.allclose(first, read_crops(model.glimpse_encoder, inside, where))


@VARIANTS
def test_a_sample_draws_the_scene_code_and_takes_modes_below(masks: bool) -> None:
    model = machine(masks)
    torch.manual_seed(3)
    sample = model.sample(5)
    again = model.generate(5, sample.code)
    torch.testing.assert_close(sample.image, again.image)
    assert len(sample.code.unique(dim=0)) == 5
    below = model.head(model.core.generate(5, sample.code).feature_map)
    assert torch.equal(sample.latents.presence, (below.presence.logits > 0).float())
    assert torch.equal(sample.latents.where, to_image_frame(below.where.mean))
    assert torch.equal(sample.latents.depth, below.depth.mean)
    assert torch.equal(sample.latents.what, below.what.mean)
    assert (sample.background is not None) == masks


@VARIANTS
def test_samples_follow_torchs_random_state(masks: bool) -> None:
    model = machine(masks)
    first, second, other = (torch.manual_seed(seed) and model.sample(3) for seed in (7, 7, 8))
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.code, second.code)
    assert not torch.equal(first.code, other.code)


@VARIANTS
def test_reconstruction_is_deterministic(masks: bool) -> None:
    model = machine(masks)
    image = pictures(model)
    for method in (model.reconstruct, model.reconstruct_from_scene):
        state = torch.get_rng_state()
        first, second = method(image), method(image)
        assert torch.equal(first.image, second.image)
        assert torch.equal(state, torch.get_rng_state())
        assert not first.image.requires_grad
    assert model.reconstruct(image).latents.presence.unique().tolist() in ([0.0], [1.0], [0.0, 1.0])


@VARIANTS
def test_scenes_objects_and_components_have_their_shapes(masks: bool) -> None:
    model = machine(masks)
    image = pictures(model)
    channels = model.dims.channels
    for scene in (model.sample(4), model.reconstruct(image), model.reconstruct_from_scene(image)):
        assert scene.image.shape == image.shape
        assert scene.image.min() >= 0
        assert scene.image.max() <= 1
        assert scene.code.shape == (4, 2, 3)
        assert scene.latents.where.shape == (4, 2, 2, 4)
        assert scene.rendering.image.shape == image.shape
    objects = model.objects(image)
    assert objects.boxes.shape == (4, 4, 4)
    assert objects.what.shape == (4, 4, 4)
    assert objects.confidence.shape == objects.present.shape == objects.depth.shape == (4, 4)
    assert torch.equal(objects.present, objects.confidence > 0.5)
    assert (objects.boxes[..., 2:] > objects.boxes[..., :2]).all()
    components = model.components(image)
    assert components.images.shape == (4, 4, channels, 32, 32)
    assert components.masks.shape == (4, 4, 1, 32, 32)
    assert len(components.names) == 4


def test_boxes_in_pixels_hold_what_is_painted() -> None:
    model = machine(size=64)
    latents = SymbolicLatents(
        presence=torch.tensor([1.0, 0, 0, 0]).reshape(1, 2, 2, 1),
        where=torch.tensor([0.25, 0.5, -0.4, 0.3]).expand(1, 2, 2, 4),
        depth=torch.zeros(1, 2, 2, 1),
        what=torch.randn(1, 2, 2, 4),
    )
    picture = model.renderer(latents).image[0, 0]
    x0, y0, x1, y1 = to_pixels(latents.where[0, 0, 0], 64).tolist()
    rows, columns = picture.nonzero().unbind(1)
    fade_x, fade_y = (x1 - x0) / 16, (y1 - y0) / 16  # half a glimpse pixel
    assert columns.min() + 0.5 == pytest.approx(x0 - fade_x, abs=1)
    assert columns.max() + 0.5 == pytest.approx(x1 + fade_x, abs=1)
    assert rows.min() + 0.5 == pytest.approx(y0 - fade_y, abs=1)
    assert rows.max() + 0.5 == pytest.approx(y1 + fade_y, abs=1)


def test_a_box_follows_its_cell() -> None:
    raw = torch.zeros(1, 3, 3, 4)
    where = to_image_frame(raw)[0]
    assert torch.allclose(where[..., :2], torch.tensor(0.5))
    thirds = torch.tensor([-2 / 3, 0, 2 / 3])
    torch.testing.assert_close(where[..., 2], thirds.expand(3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(where[..., 3], thirds[:, None].expand(3, 3), atol=1e-6, rtol=0)
    raw[..., 0], raw[..., 1] = 0.3, 0.8
    width, height = to_image_frame(raw)[0, 0, 0, :2]
    assert height / width == pytest.approx(torch.tensor(0.8).exp().item(), rel=1e-5)
    assert (width * height).sqrt() == pytest.approx(torch.tensor(0.3).sigmoid().item(), rel=1e-5)


@VARIANTS
def test_weights_saved_and_loaded_make_the_same_model(masks: bool) -> None:
    model, other = machine(masks), compose(spec(masks))
    image = pictures(model)
    assert not torch.equal(model.reconstruct(image).image, other.reconstruct(image).image)
    other.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(model.reconstruct(image).image, other.reconstruct(image).image)


def test_a_background_of_another_size_is_refused() -> None:
    broken = spec(masks=True)
    broken["model"]["renderer"]["background"]["upscales"] = [4, 4]
    with pytest.raises(SpecError, match="grow one pixel to 16 px; the image has 32"):
        compose(broken)


@VARIANTS
def test_boxes_about_shapes_hold_what_the_object_shows_and_lie_in_its_own(masks: bool) -> None:
    model = machine(masks, boxes="shape", size=64)
    image = pictures(model)
    loose, tight = machine(masks, size=64).objects(image), model.objects(image)
    assert torch.equal(loose.what, tight.what)
    there = tight.present
    fade = (loose.boxes[..., 2:] - loose.boxes[..., :2]).repeat(1, 1, 2) / 16 + 1  # half a glimpse pixel, and a pixel
    outside = torch.tensor([-1.0, -1, 1, 1]) * (tight.boxes - loose.boxes)
    assert (outside <= fade)[there].all()


def test_old_names_work_and_say_so() -> None:
    model = machine(True)
    image = pictures(model)
    with pytest.warns(DeprecationWarning, match=r"GNM\.see is now infer_symbols; the old name goes with version 0\.2"):
        seen = model.see(image, mode=True)
    assert torch.equal(seen.features, model.infer_symbols(image, mode=True).features)
    code = model.sample(2).code
    with pytest.warns(DeprecationWarning, match=r"GNM\.dream is now generate"):
        again = model.dream(2, code)
    assert torch.equal(again.image, model.generate(2, code).image)
