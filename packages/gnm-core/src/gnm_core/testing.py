"""Conformance kit for authors of parts: one call tests a part against everything that its contract promises.

In a plugin's tests:

    from gnm_core import Dims, ScenePrior
    from gnm_core.testing import check_part

    def test_student_t_keeps_the_contract():
        check_part(ScenePrior, StudentTPrior, Dims(size=32, features=8), dof=5.0)
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
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
from gnm_core.distributions import log_prob
from gnm_core.errors import SpecError
from gnm_core.evaluation import Metric, Skip
from gnm_core.latents import SymbolicLatents
from gnm_core.plugins import installed
from gnm_core.randomness import borrowed_random_state
from gnm_core.registry import Provider, Register, Registry
from gnm_core.results import Drawing, Measurement
from gnm_core.spec.build import Builder
from gnm_core.spec.single import checked_part
from gnm_core.testing_subjects import bare_subject, full_subject

BATCH = 3
"""Images in the checks."""


class ConformanceError(AssertionError):
    """A part does not keep its contract; the text says which promise it breaks and how."""


def check_part(
    contract: type[Contract],
    part: str | type[Contract],
    dims: Dims | None = None,
    **options: object,
) -> None:
    """Test one part against its contract.

    Checked for every part: it can be built on the meta device and for real; its outputs have the promised shapes
    and are finite; the same seed gives the same outputs; gradients reach every parameter; and its state, loaded into
    a fresh copy, gives the same outputs. Each contract adds its own promises.

    Args:
        contract: the slot that the part is for, such as `ScenePrior`.
        part: a registered name, or the class itself.
        dims: sizes; small ones by default.
        options: the part's options, as a spec would give them.

    Raises:
        ConformanceError: a promise is broken.
        SpecError: the options do not fit.
    """
    dims = dims or Dims(size=32, grid=4, features=8, scene=5, what=6, background=4)
    registry, name = _shelved(contract, part)
    tree = checked_part(contract, {"use": name, **options}, registry)

    def build() -> Any:
        builder = Builder(dims)
        built = builder.build(tree)
        if builder.problems:
            raise SpecError(builder.problems)
        return built

    exercise = _exercise_of(contract)
    with borrowed_random_state():
        _check_meta(build)
        torch.manual_seed(0)
        first = build()
        _check_outputs(first, dims, exercise)
        _check_gradients(first, dims, exercise)
        torch.manual_seed(1)
        _check_state(first, build(), dims, exercise)


def _shelved(contract: type[Contract], part: str | type[Contract]) -> tuple[Registry, str]:
    """The registry and the name to look the part up with."""
    if isinstance(part, str):
        return installed(), part
    register = Register(Provider("under-test", "0"))
    register.part(contract.kind, "under-test", part)
    registry = Registry(list(installed().plugins), dict(installed().parts))
    registry.add(register)
    return registry, "under-test"


# Promises of every part

Outputs = Mapping[str, Tensor]
Exercise = Callable[[Any, Dims], Outputs]


def _check_meta(build: Callable[[], object]) -> None:
    with torch.device("meta"):
        built = build()
    if isinstance(built, nn.Module):
        for name, tensor in [*built.named_parameters(), *built.named_buffers()]:
            _require(
                tensor.device.type == "meta",
                f"'{name}' is on {tensor.device} under torch.device('meta'): the constructor sets a device of its own",
            )


def _run(part: object, dims: Dims, exercise: Exercise) -> Outputs:
    torch.manual_seed(7)
    return exercise(part, dims)


def _check_outputs(part: object, dims: Dims, exercise: Exercise) -> None:
    if isinstance(part, nn.Module):
        part.eval()  # while learning, a batch norm rightly moves between two runs
    outputs = _run(part, dims, exercise)
    for name, value in outputs.items():
        _require(bool(value.isfinite().all()), f"{name} is not finite everywhere")
    for name, again in _run(part, dims, exercise).items():
        _require(torch.equal(outputs[name], again), f"{name} differs between two runs with the same seed")
    if isinstance(part, nn.Module):
        part.train()


def _check_gradients(part: object, dims: Dims, exercise: Exercise) -> None:
    if not isinstance(part, nn.Module) or not list(part.parameters()):
        return
    with torch.no_grad():  # away from zero: a layer may be initialised to hide what lies before it
        for parameter in part.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    loss = torch.zeros(())
    for value in _run(part, dims, exercise).values():
        if value.requires_grad:
            loss = loss + (value * torch.randn_like(value)).sum()
    _require(loss.requires_grad, "no output depends on any parameter")
    loss.backward()
    for name, parameter in part.named_parameters():
        _require(parameter.grad is not None, f"no gradient reaches the parameter '{name}'")
        gradient = cast(Tensor, parameter.grad)
        _require(bool(gradient.isfinite().all()), f"the gradient of '{name}' is not finite")
        _require(bool(gradient.any()), f"the gradient of '{name}' is zero everywhere")
    part.zero_grad()


def _check_state(part: object, fresh: object, dims: Dims, exercise: Exercise) -> None:
    if not (isinstance(part, nn.Module) and isinstance(fresh, nn.Module)):
        return
    fresh.load_state_dict({name: value.clone() for name, value in part.state_dict().items()}, strict=True)
    expected = _run(part.eval(), dims, exercise)
    for name, value in _run(fresh.eval(), dims, exercise).items():
        _require(torch.equal(expected[name], value), f"{name} differs after saving and loading: state is missing")


# Promises of each contract: each exercise returns the outputs that the promises of every part are checked on


def _encoder(encoder: Encoder, dims: Dims) -> Outputs:
    features = encoder(_image(dims))
    _shape("features", features, BATCH, dims.features, dims.grid, dims.grid)
    return {"features": features}


def _glimpse_encoder(encoder: GlimpseEncoder, dims: Dims) -> Outputs:
    features = encoder(torch.rand(BATCH, dims.channels, encoder.size, encoder.size))
    _shape("features", features, BATCH, dims.features)
    return {"features": features}


def _background_encoder(encoder: BackgroundEncoder, dims: Dims) -> Outputs:
    parameters = encoder(_image(dims), torch.rand(BATCH, 1, dims.size, dims.size))
    _shape("the posterior's parameters", parameters, BATCH, 2 * dims.background)
    return {"the posterior's parameters": parameters}


def _scene_prior(prior: ScenePrior, dims: Dims) -> Outputs:
    p = prior(_features(dims))
    sample = _distribution("the prior", p, BATCH, dims.scene)
    return {"the prior's log-density": p.log_prob(sample)}


def _presence_prior(prior: PresencePrior, dims: Dims) -> Outputs:
    outputs = {}
    for step in (0, 1000, 10**7):
        p = prior.reference(step)
        cells = torch.zeros(BATCH, dims.grid, dims.grid, 1)
        _broadcasts(f"the reference of step {step}", p, cells.shape)
        _require(bool(((p.mean > 0) & (p.mean < 1)).all()), f"its rate at step {step} is not between 0 and 1")
        outputs[f"the log-mass of step {step}"] = p.log_prob(cells) + p.log_prob(cells + 1)
    return outputs


def _latent_prior(prior: LatentPrior, dims: Dims) -> Outputs:
    outputs = {}
    for step in (0, 1000, 10**7):
        p = prior.reference(step)
        _require_distribution(f"the reference of step {step}", p)
        shape = p.batch_shape + p.event_shape
        value = torch.randn(BATCH, dims.grid, dims.grid, shape[-1] if shape else dims.what)
        _broadcasts(f"the reference of step {step}", p, value.shape)
        outputs[f"the log-density of step {step}"] = p.log_prob(value)
    return outputs


def _core(core: Core, dims: Dims) -> Outputs:
    features = _features(dims)
    seen = core.infer(features)
    _drawing("infer", seen, core, dims, inferred=True)
    _require(
        torch.equal(core.infer(features, mode=True).scene, core.infer(features, mode=True).scene),
        "infer(mode=True) is not deterministic",
    )
    dreamt = core.generate(BATCH)
    _drawing("generate", dreamt, core, dims, inferred=False)
    redrawn = core.generate(BATCH, seen.scene)
    _require(torch.equal(redrawn.scene, seen.scene), "generate(n, scene) draws other codes than it was given")
    _close("the feature map of a code", redrawn.feature_map, seen.feature_map)
    posterior = cast(tuple[Distribution, ...], seen.posterior)
    return {
        "the feature map": seen.feature_map,
        "the prior's log-densities": _log_densities(seen.prior, seen.scene),
        "the posterior's log-densities": _log_densities(posterior, seen.scene.detach()),
        "a dreamt feature map": dreamt.feature_map,
    }


def _drawing(method: str, drawing: Drawing, core: Core, dims: Dims, *, inferred: bool) -> None:
    steps, canvas = core.steps, (BATCH, dims.features, dims.grid, dims.grid)
    _shape(f"{method}: the feature map", drawing.feature_map, *canvas)
    _shape(f"{method}: the scene code", drawing.scene, BATCH, steps, core.code_size)
    _length(f"{method}: canvases", drawing.canvases, steps)
    _length(f"{method}: priors", drawing.prior, steps)
    for step in range(steps):
        _shape(f"{method}: canvas {step}", drawing.canvases[step], *canvas)
        _distribution(f"{method}: prior {step}", drawing.prior[step], BATCH, core.code_size)
    _close(f"{method}: the last canvas", drawing.canvases[-1], drawing.feature_map)
    if not inferred:
        _require(drawing.posterior is None, f"{method}: there is a posterior where nothing was seen")
        return
    _require(drawing.posterior is not None, f"{method}: there is no posterior")
    posterior = cast(tuple[Distribution, ...], drawing.posterior)
    _length(f"{method}: posteriors", posterior, steps)
    for step in range(steps):
        _distribution(f"{method}: posterior {step}", posterior[step], BATCH, core.code_size)


def _glimpse_decoder(decoder: GlimpseDecoder, dims: Dims) -> Outputs:
    glimpse = decoder(torch.randn(BATCH, dims.what))
    _shape("the glimpse", glimpse, BATCH, dims.channels + decoder.masks, decoder.size, decoder.size)
    _unit("the glimpse", glimpse)
    return {"the glimpse": glimpse}


def _background_decoder(decoder: BackgroundDecoder, dims: Dims) -> Outputs:
    background = decoder(torch.randn(BATCH, dims.background))
    _shape("the background", background, BATCH, dims.channels, dims.size, dims.size)
    _unit("the background", background)
    return {"the background": background}


def _renderer(renderer: Renderer, dims: Dims) -> Outputs:
    latents, code = _latents(dims), None
    if renderer.background is not None:
        code = torch.randn(BATCH, dims.background)
    rendering = renderer(latents, code)
    picture = (BATCH, dims.channels, dims.size, dims.size)
    _shape("the image", rendering.image, *picture)
    _shape("the foreground", rendering.foreground, *picture)
    _shape("the background", rendering.background, *picture)
    _shape("alpha", rendering.alpha, BATCH, 1, dims.size, dims.size)
    _unit("alpha", rendering.alpha)
    if renderer.masks:
        for curriculum in ({"box_mask": 0.9}, {"alpha": 0.9}):
            _shape(f"the image with {curriculum}", renderer(latents, code, **curriculum).image, *picture)
    nothing = SymbolicLatents(torch.zeros_like(latents.presence), latents.where, latents.depth, latents.what)
    empty = renderer(nothing, code)
    _close("the image of an empty scene", empty.image, empty.background)
    layers = renderer.layers(latents)
    count = dims.grid**2
    _shape("the layers' images", layers.images, BATCH, count, dims.channels, dims.size, dims.size)
    _shape("the layers' masks", layers.masks, BATCH, count, 1, dims.size, dims.size)
    _length("the layers' names", layers.names, count)
    return {"the image": rendering.image, "alpha": rendering.alpha}


def _model(model: Model, dims: Dims) -> Outputs:
    image = _image(dims)
    terms = model.terms(image, step=0)
    named = {"log-likelihood": terms.log_likelihood}
    named |= {f"kl.{name}": value for name, value in terms.kl.items()}
    named |= {f"auxiliary.{name}": value for name, value in terms.auxiliary.items()}
    for name, value in named.items():
        _shape(f"the term {name}", value, BATCH)
    scene = model.sample(BATCH)
    _shape("a sample", scene.image, *image.shape)
    _unit("a sample", scene.image)
    reconstruction = model.reconstruct(image).image
    _shape("a reconstruction", reconstruction, *image.shape)
    _unit("a reconstruction", reconstruction)
    if not model.training:
        again = model.reconstruct(image).image
        _require(torch.equal(reconstruction, again), "reconstruct is not deterministic in evaluation mode")
    weights = model.log_weights(image)
    _shape("the importance weights", weights, BATCH)
    objects = model.objects(image)
    if objects is not None:
        count = objects.boxes.shape[1]
        _shape("the boxes", objects.boxes, BATCH, count, 4)
        _shape("the confidences", objects.confidence, BATCH, count)
        _unit("the confidences", objects.confidence)
        _require(objects.present.dtype == torch.bool, "`present` is not boolean")
    components = model.components(image)
    if components is not None:
        count = len(components.names)
        _shape("the components' images", components.images, BATCH, count, *image.shape[1:])
        _shape("the components' masks", components.masks, BATCH, count, 1, *image.shape[2:])
    return {**named, "a sample": scene.image.detach(), "the importance weights": weights.detach()}


def _metric(metric: Metric, dims: Dims) -> Outputs:
    outputs: dict[str, Tensor] = {}
    for subject in (full_subject(dims), bare_subject(dims)):
        try:
            with torch.no_grad():
                views = subject.views(metric.images) if metric.images != 0 else ()
                seen = [metric.see(view) for view in views]
            measurement = metric.measure(subject, seen)
        except Skip as skip:
            _require(bool(str(skip)), "it skips a model without saying why")
            continue
        outputs |= _numbers(measurement)
    return outputs


def _numbers(measurement: Measurement) -> dict[str, Tensor]:
    """The values that the same seed must repeat: not those that time something."""
    values = measurement.values
    names = [value.name for value in values]
    _require(bool(values) or bool(measurement.skipped), "it has neither values nor a reason for having none")
    _require(len(set(names)) == len(names), f"two values have one name: {', '.join(names)}")
    for value in values:
        low, high = (value.value if end is None else end for end in (value.low, value.high))
        within = low - 1e-9 <= value.value <= high + 1e-9
        _require(within, f"the value '{value.name}' ({value.value}) lies outside its interval ({low} to {high})")
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


def contracts_of(part: type[Contract]) -> Iterator[type[Contract]]:
    """The contracts that this kit knows and a class satisfies."""
    yield from (contract for contract in EXERCISES if issubclass(part, contract))


def _exercise_of(contract: type[Contract]) -> Exercise:
    for known in contract.__mro__:
        if known in EXERCISES:
            return EXERCISES[known]
    known_names = ", ".join(known.__name__ for known in EXERCISES)
    raise TypeError(f"no checks are known for {contract.__name__}; known: {known_names}")


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


# Requirements


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConformanceError(message)


def _shape(name: str, value: Tensor, *shape: int) -> None:
    _require(tuple(value.shape) == shape, f"{name} has shape {tuple(value.shape)}; expected {shape}")


def _length(name: str, values: Sequence[object], count: int) -> None:
    _require(len(values) == count, f"{name}: there are {len(values)}; expected {count}")


def _unit(name: str, value: Tensor) -> None:
    low, high = value.min().item(), value.max().item()
    _require(low >= 0 and high <= 1, f"{name} lies in [{low:g}, {high:g}]; expected [0, 1]")


def _close(name: str, value: Tensor, expected: Tensor) -> None:
    gap = (value - expected).abs().max().item()
    _require(gap <= 1e-4, f"{name} is off by {gap:g}")


def _require_distribution(name: str, value: object) -> None:
    _require(isinstance(value, Distribution), f"{name} is a {type(value).__name__}; expected a Distribution")


def _distribution(name: str, distribution: Distribution, *shape: int) -> Tensor:
    """A sample, after checking its shape."""
    _require_distribution(name, distribution)
    sample = distribution.sample()
    _shape(f"a sample of {name}", sample, *shape)
    density = distribution.log_prob(sample)
    _require(bool(density.isfinite().all()), f"the log-density of a sample of {name} is not finite")
    return sample


def _broadcasts(name: str, distribution: Distribution, shape: torch.Size) -> None:
    _require_distribution(name, distribution)
    own = distribution.batch_shape + distribution.event_shape
    try:
        fits = torch.broadcast_shapes(own, shape) == shape
    except RuntimeError:
        fits = False
    _require(fits, f"{name} has shape {tuple(own)}, which does not broadcast to {tuple(shape)}")


def _log_densities(distributions: Sequence[Distribution], scene: Tensor) -> Tensor:
    pairs = zip(distributions, scene.unbind(1), strict=True)
    return torch.stack([log_prob(distribution, code) for distribution, code in pairs], dim=1)
