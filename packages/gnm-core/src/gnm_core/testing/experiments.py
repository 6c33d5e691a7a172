"""How a part is run to see whether laws hold that are alike for all: named inputs to named outputs, batch first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from gnm_core.contract import Contract
from gnm_core.contracts import (
    BackgroundDecoder,
    BackgroundEncoder,
    Core,
    Encoder,
    GlimpseDecoder,
    GlimpseEncoder,
    Model,
    Renderer,
    ScenePrior,
)
from gnm_core.dims import Dims
from gnm_core.distributions import log_prob
from gnm_core.latents import SymbolicLatents
from gnm_core.testing.require import log_densities

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Experiment:
    """What goes into a part and what comes out."""

    inputs: Callable[[Any, Dims, int], Tensors]
    """Part, sizes, B → the inputs, from torch's random state."""
    fixed: Callable[[Any, Mapping[str, Tensor]], Tensors]
    """Outputs that no random state moves in evaluation mode."""
    drawn: Callable[[Any, Mapping[str, Tensor]], Tensors] | None = None
    """Outputs that are drawn from torch's random state."""
    differentiable: tuple[str, ...] = ()
    """Inputs that a gradient reaches from the fixed outputs, where these depend on them."""


def _image(part: Any, dims: Dims, batch: int) -> Tensors:
    return {"image": torch.rand(batch, dims.channels, dims.size, dims.size)}


def _crops(part: Any, dims: Dims, batch: int) -> Tensors:
    return {"glimpse": torch.rand(batch, dims.channels, part.size, part.size)}


def _surroundings(part: Any, dims: Dims, batch: int) -> Tensors:
    return {**_image(part, dims, batch), "cover": torch.rand(batch, 1, dims.size, dims.size)}


def _hidden(prior: ScenePrior, dims: Dims, batch: int) -> Tensors:
    hidden = torch.randn(batch, dims.features, dims.grid, dims.grid)
    with torch.no_grad():
        return {"hidden": hidden, "value": prior(hidden).sample()}


def _features(core: Core, dims: Dims, batch: int) -> Tensors:
    features = torch.randn(batch, core.maps * dims.features, dims.grid, dims.grid)
    with torch.no_grad():
        return {"features": features, "scene": core.infer(features).scene}


def _core_fixed(core: Core, given: Mapping[str, Tensor]) -> Tensors:
    seen, scene = core.infer(given["features"], mode=True), given["scene"]
    generated = core.generate(len(scene), scene)
    posterior = cast(tuple[Distribution, ...], seen.posterior)
    return {
        "infer: the feature map": seen.feature_map,
        "infer: the scene code": seen.scene,
        "infer: the posterior's log-density of its own code": log_densities(posterior, seen.scene.detach()),
        "generate: the feature map": generated.feature_map,
        "generate: the prior's log-densities": log_densities(generated.prior, generated.scene),
    }


def _core_drawn(core: Core, given: Mapping[str, Tensor]) -> Tensors:
    seen = core.infer(given["features"])
    return {"infer: the scene code": seen.scene, "infer: the feature map": seen.feature_map}


def _symbols(renderer: Renderer, dims: Dims, batch: int) -> Tensors:
    cells = (batch, dims.grid, dims.grid)
    size, centre = 0.2 + 0.3 * torch.rand(*cells, 2), 1.6 * torch.rand(*cells, 2) - 0.8
    given = {
        "presence": 0.1 + 0.8 * torch.rand(*cells, 1),
        "where": torch.cat([size, centre], dim=-1),
        "depth": torch.randn(*cells, 1),
        "what": torch.randn(*cells, dims.what),
    }
    if renderer.background is not None:
        given["background"] = torch.randn(batch, dims.background)
    return given


def latents_of(given: Mapping[str, Tensor]) -> SymbolicLatents:
    """The symbolic map among some inputs."""
    return SymbolicLatents(given["presence"], given["where"], given["depth"], given["what"])


def _rendered(renderer: Renderer, given: Mapping[str, Tensor]) -> Tensors:
    rendering = renderer(latents_of(given), given.get("background"))
    layers = renderer.layers(latents_of(given))
    return {
        "the image": rendering.image,
        "the foreground": rendering.foreground,
        "alpha": rendering.alpha,
        "the layers": layers.images * layers.masks,
    }


def _model_fixed(model: Model, given: Mapping[str, Tensor]) -> Tensors:
    image = given["image"]
    found = {"a reconstruction": model.reconstruct(image).image}
    objects, components = model.objects(image), model.components(image)
    if objects is not None:
        found |= {"the boxes": objects.boxes, "the confidences": objects.confidence}
    if components is not None:
        found |= {"the components": components.images * components.visible}
    return found


def _model_drawn(model: Model, given: Mapping[str, Tensor]) -> Tensors:
    terms = model.terms(given["image"], 0)
    found = {"the log-likelihood": terms.log_likelihood}
    found |= {f"the divergence {name}": value for name, value in terms.kl.items()}
    return found | {f"the auxiliary {name}": value for name, value in terms.auxiliary.items()}


EXPERIMENTS: dict[type[Contract], Experiment] = {
    Encoder: Experiment(_image, lambda part, x: {"features": part(x["image"])}, None, ("image",)),
    GlimpseEncoder: Experiment(_crops, lambda part, x: {"features": part(x["glimpse"])}, None, ("glimpse",)),
    BackgroundEncoder: Experiment(
        _surroundings,
        lambda part, x: {"the posterior's parameters": part(x["image"], x["cover"])},
        None,
        ("image",),
    ),
    ScenePrior: Experiment(
        _hidden,
        lambda part, x: {"the log-density": log_prob(part(x["hidden"]), x["value"])},
        lambda part, x: {"a sample": part(x["hidden"]).sample()},
        ("hidden",),
    ),
    Core: Experiment(_features, _core_fixed, _core_drawn, ("features",)),
    GlimpseDecoder: Experiment(
        lambda part, dims, batch: {"what": torch.randn(batch, dims.what)},
        lambda part, x: {"the glimpse": part(x["what"])},
        None,
        ("what",),
    ),
    BackgroundDecoder: Experiment(
        lambda part, dims, batch: {"code": torch.randn(batch, dims.background)},
        lambda part, x: {"the background": part(x["code"])},
        None,
        ("code",),
    ),
    Renderer: Experiment(_symbols, _rendered, None, ("presence", "where", "depth", "what", "background")),
    Model: Experiment(_image, _model_fixed, _model_drawn),
}


def experiment_of(contract: type[Contract]) -> Experiment | None:
    """The experiment of a contract, or of the nearest one above it; None where parts of its kind map nothing."""
    return next((EXPERIMENTS[known] for known in contract.__mro__ if known in EXPERIMENTS), None)
