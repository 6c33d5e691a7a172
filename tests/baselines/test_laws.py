"""What holds for every one of the four systems."""

import copy
import math

import pytest
import torch
from gnm_core.contracts import Model
from gnm_core.results import Terms

from .small import SPECS, small

ALL = tuple(SPECS)
STEPLESS = 0


def loss_of(terms: Terms) -> torch.Tensor:
    return -terms.elbo.mean() + sum(t.mean() for t in terms.auxiliary.values())


@pytest.fixture(params=ALL)
def model(request: pytest.FixtureRequest) -> Model:
    return small(request.param)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32)


def test_terms_are_finite_and_divergences_not_negative(model: Model, image: torch.Tensor) -> None:
    terms = model.terms(image, STEPLESS)
    assert terms.log_likelihood.shape == (4,)
    for name, kl in terms.kl.items():
        assert kl.shape == (4,), name
        assert kl.isfinite().all(), name
        assert (kl >= -1e-4).all(), name
    assert all(t.shape == (4,) and t.isfinite().all() for t in terms.auxiliary.values())


def test_gradients_reach_every_parameter(model: Model, image: torch.Tensor) -> None:
    for step in range(2):
        loss_of(model.terms(image, step)).backward()
    # (what reaches a bias in front of a batch norm is no more than rounding)
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_short_training_lowers_the_loss(model: Model) -> None:
    image = torch.zeros(8, 3, 32, 32)
    image[:, :, 8:20, 10:22] = torch.rand(8, 3, 1, 1)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    losses = []
    for step in range(25):
        loss = loss_of(model.terms(image, step))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    before, after = sum(losses[:3]) / 3, sum(losses[-3:]) / 3
    assert after < before - 0.1 * abs(before)


def test_saved_weights_make_the_same_model(model: Model, image: torch.Tensor) -> None:
    twin = copy.deepcopy(model)
    for p in twin.parameters():
        torch.nn.init.normal_(p, std=0.02)
    twin.load_state_dict(model.state_dict())
    torch.testing.assert_close(twin.reconstruct(image).image, model.reconstruct(image).image)
    torch.manual_seed(3)
    sampled = model.sample(2).image
    torch.manual_seed(3)
    torch.testing.assert_close(twin.sample(2).image, sampled)


def test_reconstruction_is_deterministic_and_one_by_one_the_same(model: Model, image: torch.Tensor) -> None:
    together = model.reconstruct(image).image
    apart = torch.cat([model.reconstruct(one[None]).image for one in image])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-3)
    assert together.min() >= 0
    assert together.max() <= 1


def test_looking_does_not_change_the_model(model: Model, image: torch.Tensor) -> None:
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.reconstruct(image)
    model.sample(2)
    model.log_weights(image)
    model.components(image)
    model.objects(image)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_samples_have_the_size_of_the_images(model: Model) -> None:
    scene = model.sample(3)
    assert scene.image.shape == (3, 3, 32, 32)
    assert scene.image.isfinite().all()


@pytest.mark.parametrize("name", [name for name in ALL if name != "space"])
def test_the_log_weights_average_is_the_elbo(name: str) -> None:
    """E log w = ELBO, whose KLs are in closed form; and log-mean-exp w is above it."""
    model = small(name).eval()
    image = torch.rand(1, 3, 32, 32).expand(400, -1, -1, -1)
    with torch.no_grad():
        elbo, weights = model.terms(image, STEPLESS).elbo.double(), model.log_weights(image).double()
    error = math.sqrt(elbo.var() / len(elbo) + weights.var() / len(weights))
    assert weights.mean().item() == pytest.approx(elbo.mean().item(), abs=float(5 * error + 0.05))
    assert weights.logsumexp(0) - math.log(len(weights)) >= elbo.mean()


def test_the_log_weights_average_of_space_is_the_elbo_where_presence_is_hard() -> None:
    foreground = {**SPECS["space"]["model"]["foreground"], "temperature": 1e-3, "presence": 0.3, "scale_mean": -1.0}
    model = small("space", foreground=foreground).eval()
    image = torch.rand(1, 3, 32, 32).expand(600, -1, -1, -1)
    with torch.no_grad():
        elbo, weights = model.terms(image, 10**9).elbo.double(), model.log_weights(image).double()
    error = math.sqrt(elbo.var() / len(elbo) + weights.var() / len(weights))
    assert weights.mean().item() == pytest.approx(elbo.mean().item(), abs=float(5 * error))
    assert weights.logsumexp(0) - math.log(len(weights)) >= elbo.mean()


@pytest.mark.parametrize("name", ["genesis", "space"])
def test_components_add_up_to_the_reconstruction(name: str, image: torch.Tensor) -> None:
    model = small(name)
    parts = model.components(image)
    assert parts.images.shape[:2] == parts.masks.shape[:2] == (4, len(parts.names))
    torch.testing.assert_close(parts.masks.sum(1), torch.ones(4, 1, 32, 32))
    torch.testing.assert_close(
        (parts.masks * parts.images).sum(1), model.reconstruct(image).image, atol=1e-4, rtol=1e-3
    )


def test_space_names_its_objects(image: torch.Tensor) -> None:
    objects = small("space").objects(image)
    assert objects.boxes.shape == (4, 16, 4)
    assert objects.what.shape == (4, 16, 5)
    assert (objects.boxes[..., 2:] > objects.boxes[..., :2]).all()
    assert ((objects.confidence >= 0) & (objects.confidence <= 1)).all()
    assert torch.equal(objects.present, objects.confidence > 0.5)


@pytest.mark.parametrize("name", ["vae", "convdraw", "genesis"])
def test_models_without_objects_say_so(name: str, image: torch.Tensor) -> None:
    assert small(name).objects(image) is None


@pytest.mark.parametrize("name", ["vae", "convdraw", "genesis"])
def test_the_code_of_a_scene_decodes_to_the_scene(name: str, image: torch.Tensor) -> None:
    model = small(name).eval()
    for scene in (model.reconstruct(image), model.sample(3)):
        assert scene.code is not None
        torch.testing.assert_close(model.decode(scene.code).image, scene.image)


def test_the_symbols_of_a_scene_render_to_the_scene(image: torch.Tensor) -> None:
    model = small("space").eval()
    for scene in (model.reconstruct(image), model.sample(3)):
        assert scene.latents is not None
        again = model.render(scene.latents, scene.background).image
        torch.testing.assert_close(again.clamp(0, 1), scene.image)
