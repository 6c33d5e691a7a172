"""Laws of models: terms at every step, divergences above zero, weights that are the terms', samples from the seed."""

import torch
from torch import Tensor

from gnm_core.contracts import Model
from gnm_core.results import Terms
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require

REPEATS = 64
LATE = 10**9
"""A step at which every schedule has come to its end."""


def _images(bench: Bench, batch: int) -> Tensor:
    return torch.rand(batch, bench.dims.channels, bench.dims.size, bench.dims.size)


def _named(terms: Terms) -> dict[str, Tensor]:
    named = {"log-likelihood": terms.log_likelihood}
    named |= {f"kl.{name}": value for name, value in terms.kl.items()}
    return named | {f"auxiliary.{name}": value for name, value in terms.auxiliary.items()}


@law(Model)
def terms_at_every_step(bench: Bench) -> None:
    """Terms are finite at the first step, at the next, and long after."""
    model, image = bench.part().train(), _images(bench, 3)
    for step in (0, 1, 1000, 10**6):
        for name, value in _named(model.terms(image, step)).items():
            bad = int((~value.isfinite()).sum())
            require(bad == 0, f"the term {name} is not finite at step {step}: {bad} of {value.numel()} numbers")


@law(Model)
def terms_tell_images_apart(bench: Bench) -> None:
    """The log-likelihood is each image's own: a black picture and noise do not have the same."""
    model, image = bench.part(), _images(bench, 3)
    image[0] = 0
    with torch.no_grad():
        found = model.terms(image, 0).log_likelihood
    require(len(set(found.tolist())) > 1, f"three different images have one log-likelihood, {found[0]:.4g}")


@law(Model)
def reconstructions_follow_the_image(bench: Bench) -> None:
    """A black picture, a white one and noise are not all reconstructed alike."""
    model, image = bench.part(), _images(bench, 3)
    image[0], image[1] = 0, 1
    with torch.no_grad():
        seen = model.reconstruct(image).image
    off = max(float((seen[0] - other).abs().max()) for other in seen[1:])
    require(off > 0, "a black picture, a white one and noise have one and the same reconstruction")


@law(Model)
def divergences_are_not_negative(bench: Bench) -> None:
    """A divergence, on average over samples, is at least 0."""
    model, image = bench.part(), _images(bench, 1).expand(REPEATS, -1, -1, -1)
    with torch.no_grad():
        terms = model.terms(image, LATE)
    for name, value in terms.kl.items():
        mean, error = float(value.mean()), float(value.std()) / REPEATS**0.5
        require(mean >= -5 * error - 1e-3, f"kl.{name} is {mean:.3f} nats on average (standard error {error:.3f})")


@law(Model)
def weights_are_those_of_the_terms(bench: Bench) -> None:
    """log p(x | z) + log p(z) - log q(z | x) is, on average over samples, the ELBO of the terms."""
    model, image = bench.part(), _images(bench, 1).expand(REPEATS, -1, -1, -1)
    with torch.no_grad():
        torch.manual_seed(3)
        terms = model.terms(image, LATE)
        torch.manual_seed(3)
        weights = model.log_weights(image, exact=False)
    difference = weights - terms.elbo
    mean, error = float(difference.mean()), float(difference.std()) / REPEATS**0.5
    divergence = float(sum(value.mean() for value in terms.kl.values()))
    slack = 5 * error + 0.1 * abs(divergence) + 1e-5 * float(terms.log_likelihood.abs().mean())
    require(
        abs(mean) <= slack,
        f"log_weights is {float(weights.mean()):.1f} nats on average, the ELBO of its terms "
        f"{float(terms.elbo.mean()):.1f} (log-likelihood {float(terms.log_likelihood.mean()):.1f}, divergences "
        f"{divergence:.1f}, standard error of the difference {error:.2f})",
    )


@law(Model)
def samples_follow_the_seed(bench: Bench) -> None:
    """Scenes come from torch's random state, each its own."""
    model, drawn = bench.part(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        scene = model.sample(3)
        drawn.append(scene.image if scene.code is None else scene.code)
    require(torch.equal(drawn[0], drawn[1]), "two samples from the same seed differ")
    require(
        not torch.equal(drawn[0], drawn[2]), "sample(3) is the same from two seeds: it ignores torch's random state"
    )
    require(not torch.equal(drawn[0][0], drawn[0][1]), "sample(3) gives the same scene several times")


@law(Model)
def objects_fit_together(bench: Bench) -> None:
    """Boxes are finite and lie the right way round; all fields of objects have the same places."""
    model, image = bench.part(), _images(bench, 3)
    objects = model.objects(image)
    if objects is None:
        raise NotHere("the model names no objects")
    places = tuple(objects.boxes.shape[:2])
    for name in ("confidence", "present", "depth", "what"):
        shape = tuple(getattr(objects, name).shape)
        require(shape[:2] == places, f"objects.{name} has shape {shape}; the boxes are of {places} places")
    for name in ("boxes", "confidence", "depth", "what"):
        value = getattr(objects, name)
        bad = int((~value.isfinite()).sum())
        require(bad == 0, f"objects.{name} is not finite: {bad} of {value.numel()} numbers")
    require(tuple(objects.present.shape) == places, f"objects.present has shape {tuple(objects.present.shape)}")
    turned = int((objects.boxes[..., 2:] < objects.boxes[..., :2]).any(-1).sum())
    require(turned == 0, f"{turned} boxes of (x0, y0, x1, y1) have x1 < x0 or y1 < y0")
