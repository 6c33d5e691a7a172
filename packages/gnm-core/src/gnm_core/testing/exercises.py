"""What each contract promises: an exercise returns the outputs that the promises of every part are checked on."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from gnm_core.contracts import (
    BackgroundDecoder,
    BackgroundEncoder,
    Contract,
    Core,
    Encoder,
    GlimpseDecoder,
    GlimpseEncoder,
    LatentPrior,
    Model,
    PresencePrior,
    Renderer,
    ScenePrior,
)
from gnm_core.dims import Dims
from gnm_core.evaluation import Metric, Skip
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Drawing, Measurement
from gnm_core.testing.require import (
    ConformanceError,
    distribution_of_shape,
    log_densities,
    require,
    require_broadcast,
    require_close,
    require_distribution,
    require_length,
    require_shape,
    require_unit,
)
from gnm_core.testing.subjects import bare_context, full_context

BATCH = 3
"""Images in the checks."""

Outputs = Mapping[str, Tensor]
Exercise = Callable[[Any, Dims], Outputs]


def _encoder(encoder: Encoder, dims: Dims) -> Outputs:
    features = encoder(_image(dims))
    require_shape("features", features, BATCH, dims.features, dims.grid, dims.grid)
    return {"features": features}


def _glimpse_encoder(encoder: GlimpseEncoder, dims: Dims) -> Outputs:
    features = encoder(torch.rand(BATCH, dims.channels, encoder.size, encoder.size))
    require_shape("features", features, BATCH, dims.features)
    return {"features": features}


def _background_encoder(encoder: BackgroundEncoder, dims: Dims) -> Outputs:
    parameters = encoder(_image(dims), torch.rand(BATCH, 1, dims.size, dims.size))
    require_shape("the posterior's parameters", parameters, BATCH, 2 * dims.background)
    return {"the posterior's parameters": parameters}


def _scene_prior(prior: ScenePrior, dims: Dims) -> Outputs:
    p = prior(_features(dims))
    sample = distribution_of_shape("the prior", p, BATCH, dims.scene)
    return {"the prior's log-density": p.log_prob(sample)}


def _presence_prior(prior: PresencePrior, dims: Dims) -> Outputs:
    outputs = {}
    for step in (0, 1000, 10**7):
        p = prior.reference(step)
        cells = torch.zeros(BATCH, dims.grid, dims.grid, 1)
        require_broadcast(f"the reference of step {step}", p, cells.shape)
        require(bool(((p.mean > 0) & (p.mean < 1)).all()), f"its rate at step {step} is not between 0 and 1")
        outputs[f"the log-mass of step {step}"] = p.log_prob(cells) + p.log_prob(cells + 1)
    return outputs


def _latent_prior(prior: LatentPrior, dims: Dims) -> Outputs:
    outputs = {}
    for step in (0, 1000, 10**7):
        p = prior.reference(step)
        require_distribution(f"the reference of step {step}", p)
        shape = p.batch_shape + p.event_shape
        value = torch.randn(BATCH, dims.grid, dims.grid, shape[-1] if shape else dims.what)
        require_broadcast(f"the reference of step {step}", p, value.shape)
        outputs[f"the log-density of step {step}"] = p.log_prob(value)
    return outputs


def _core(core: Core, dims: Dims) -> Outputs:
    features = torch.cat([_features(dims) for _ in range(core.maps)], 1)
    seen = core.infer(features)
    _drawing("infer", seen, core, dims, inferred=True)
    require(
        torch.equal(core.infer(features, mode=True).scene, core.infer(features, mode=True).scene),
        "infer(mode=True) is not deterministic",
    )
    generated = core.generate(BATCH)
    _drawing("generate", generated, core, dims, inferred=False)
    redrawn = core.generate(BATCH, seen.scene)
    require(torch.equal(redrawn.scene, seen.scene), "generate(n, scene) draws other codes than it was given")
    require_close("the feature map of a code", redrawn.feature_map, seen.feature_map)
    posterior = cast(tuple[Distribution, ...], seen.posterior)
    return {
        "the feature map": seen.feature_map,
        "the prior's log-densities": log_densities(seen.prior, seen.scene),
        "the posterior's log-densities": log_densities(posterior, seen.scene.detach()),
        "a generated feature map": generated.feature_map,
    }


def _drawing(method: str, drawing: Drawing, core: Core, dims: Dims, *, inferred: bool) -> None:
    steps, canvas = core.steps, (BATCH, core.maps * dims.features, dims.grid, dims.grid)
    require_shape(f"{method}: the feature map", drawing.feature_map, *canvas)
    require_shape(f"{method}: the scene code", drawing.scene, BATCH, steps, core.code_size)
    require_length(f"{method}: canvases", drawing.canvases, steps)
    require_length(f"{method}: priors", drawing.prior, steps)
    for step in range(steps):
        require_shape(f"{method}: canvas {step}", drawing.canvases[step], *canvas)
        distribution_of_shape(f"{method}: prior {step}", drawing.prior[step], BATCH, core.code_size)
    require_close(f"{method}: the last canvas", drawing.canvases[-1], drawing.feature_map)
    if not inferred:
        require(drawing.posterior is None, f"{method}: there is a posterior where nothing was seen")
        return
    require(drawing.posterior is not None, f"{method}: there is no posterior")
    posterior = cast(tuple[Distribution, ...], drawing.posterior)
    require_length(f"{method}: posteriors", posterior, steps)
    for step in range(steps):
        distribution_of_shape(f"{method}: posterior {step}", posterior[step], BATCH, core.code_size)


def _glimpse_decoder(decoder: GlimpseDecoder, dims: Dims) -> Outputs:
    glimpse = decoder(torch.randn(BATCH, dims.what))
    require_shape("the glimpse", glimpse, BATCH, dims.channels + decoder.masks, decoder.size, decoder.size)
    require_unit("the glimpse", glimpse)
    return {"the glimpse": glimpse}


def _background_decoder(decoder: BackgroundDecoder, dims: Dims) -> Outputs:
    background = decoder(torch.randn(BATCH, dims.background))
    require_shape("the background", background, BATCH, dims.channels, dims.size, dims.size)
    require_unit("the background", background)
    return {"the background": background}


def _renderer(renderer: Renderer, dims: Dims) -> Outputs:
    latents, code = _latents(dims), None
    if renderer.background is not None:
        code = torch.randn(BATCH, dims.background)
    rendering = renderer(latents, code)
    picture = (BATCH, dims.channels, dims.size, dims.size)
    require_shape("the image", rendering.image, *picture)
    require_shape("the foreground", rendering.foreground, *picture)
    require_shape("the background", rendering.background, *picture)
    require_shape("alpha", rendering.alpha, BATCH, 1, dims.size, dims.size)
    require_unit("alpha", rendering.alpha)
    if renderer.masks:
        for curriculum in ({"box_mask": 0.9}, {"alpha": 0.9}):
            require_shape(f"the image with {curriculum}", renderer(latents, code, **curriculum).image, *picture)
    nothing = SymbolicLatents(torch.zeros_like(latents.presence), latents.where, latents.depth, latents.what)
    empty = renderer(nothing, code)
    require_close("the image of an empty scene", empty.image, empty.background)
    layers = renderer.layers(latents)
    count = dims.grid**2
    require_shape("the layers' images", layers.images, BATCH, count, dims.channels, dims.size, dims.size)
    require_shape("the layers' masks", layers.masks, BATCH, count, 1, dims.size, dims.size)
    require_length("the layers' names", layers.names, count)
    return {"the image": rendering.image, "alpha": rendering.alpha}


def _model(model: Model, dims: Dims) -> Outputs:
    image = _image(dims)
    terms = model.terms(image, step=0)
    named = {"log-likelihood": terms.log_likelihood}
    named |= {f"kl.{name}": value for name, value in terms.kl.items()}
    named |= {f"auxiliary.{name}": value for name, value in terms.auxiliary.items()}
    for name, value in named.items():
        require_shape(f"the term {name}", value, BATCH)
    scene = model.sample(BATCH)
    require_shape("a sample", scene.image, *image.shape)
    require_unit("a sample", scene.image)
    reconstruction = model.reconstruct(image).image
    require_shape("a reconstruction", reconstruction, *image.shape)
    require_unit("a reconstruction", reconstruction)
    if not model.training:
        again = model.reconstruct(image).image
        require(torch.equal(reconstruction, again), "reconstruct is not deterministic in evaluation mode")
    weights = model.log_weights(image)
    require_shape("the importance weights", weights, BATCH)
    objects = model.objects(image)
    if objects is not None:
        count = objects.boxes.shape[1]
        require_shape("the boxes", objects.boxes, BATCH, count, 4)
        require_shape("the confidences", objects.confidence, BATCH, count)
        require_unit("the confidences", objects.confidence)
        require(objects.present.dtype == torch.bool, "`present` is not boolean")
    components = model.components(image)
    if components is not None:
        count = len(components.names)
        require_shape("the components' images", components.images, BATCH, count, *image.shape[1:])
        require_shape("the components' masks", components.masks, BATCH, count, 1, *image.shape[2:])
    return {**named, "a sample": scene.image.detach(), "the importance weights": weights.detach()}


def _metric(metric: Metric, dims: Dims) -> Outputs:
    outputs: dict[str, Tensor] = {}
    for subject in (full_context(dims), bare_context(dims)):
        try:
            with torch.no_grad():
                batches = subject.batches(metric.images) if metric.images != 0 else ()
                updates = [metric.update(batch) for batch in batches]
            measurement = metric.measure(subject, updates)
        except Skip as skip:
            require(bool(str(skip)), "it skips a model without saying why")
            continue
        outputs |= _numbers(measurement)
    return outputs


def _numbers(measurement: Measurement) -> dict[str, Tensor]:
    """The values that the same seed must repeat: not those that time something."""
    values = measurement.values
    names = [value.name for value in values]
    require(bool(values) or bool(measurement.skipped), "it has neither values nor a reason for having none")
    require(len(set(names)) == len(names), f"two values have one name: {', '.join(names)}")
    for value in values:
        low, high = (value.value if end is None else end for end in (value.low, value.high))
        within = low - 1e-9 <= value.value <= high + 1e-9
        require(within, f"the value '{value.name}' ({value.value}) lies outside its interval ({low} to {high})")
    try:
        json.dumps(measurement.details, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"JSON cannot hold its details: {error}") from error
    return {f"the value '{v.name}'": torch.tensor(v.value).double() for v in values if not v.unit.endswith("/s")}


EXERCISES: dict[type[Contract], Exercise] = {
    Encoder: _encoder,
    GlimpseEncoder: _glimpse_encoder,
    BackgroundEncoder: _background_encoder,
    ScenePrior: _scene_prior,
    PresencePrior: _presence_prior,
    LatentPrior: _latent_prior,
    Core: _core,
    GlimpseDecoder: _glimpse_decoder,
    BackgroundDecoder: _background_decoder,
    Renderer: _renderer,
    Model: _model,
    Metric: _metric,
}


def exercise_of(contract: type[Contract]) -> Exercise:
    """The exercise of a contract, or of the nearest one above it; a kind without one has no outputs to look at."""
    return next((EXERCISES[known] for known in contract.__mro__ if known in EXERCISES), lambda part, dims: {})


# Inputs


def _image(dims: Dims) -> Tensor:
    return torch.rand(BATCH, dims.channels, dims.size, dims.size)


def _features(dims: Dims) -> Tensor:
    return torch.randn(BATCH, dims.features, dims.grid, dims.grid)


def _latents(dims: Dims) -> SymbolicLatents:
    cells = (BATCH, dims.grid, dims.grid)
    size, centre = 0.2 + 0.3 * torch.rand(*cells, 2), 1.6 * torch.rand(*cells, 2) - 0.8
    return SymbolicLatents(
        presence=torch.rand(*cells, 1),
        where=torch.cat([size, centre], dim=-1),
        depth=torch.randn(*cells, 1),
        what=torch.randn(*cells, dims.what),
    )
