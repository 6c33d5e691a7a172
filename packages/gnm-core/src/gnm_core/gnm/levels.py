"""Levels of a GNM that train by themselves: the symbols, the scene code above them, the prior of the scene code."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Normal

from gnm_core.distributions import divergence, gaussian_log_likelihood
from gnm_core.gnm.background import background_given, background_of, background_of_features, with_background
from gnm_core.gnm.crops import read_crops
from gnm_core.gnm.inference import maps_for, monitor_of, scene_divergence, symbols_given
from gnm_core.gnm.where import in_image_frame
from gnm_core.latents import SymbolicDistribution
from gnm_core.results import Terms

if TYPE_CHECKING:
    from gnm_core.gnm.model import GNM


@dataclass(frozen=True)
class FinishedSymbols:
    """Symbols that no longer learn, as the scene level finds them."""

    posterior: SymbolicDistribution
    features: Tensor
    background: Normal | None
    """q(z^b | x)."""


def symbolic_terms(model: "GNM", image: Tensor, step: int) -> Terms:
    """(B, C, H, W) → the model without its scene code: likelihood and auxiliary KLs, no prior to agree with."""
    seen = model.infer_symbols(image, step)
    likelihood = gaussian_log_likelihood(image, seen.rendering.image, model.sigma)
    return Terms(likelihood, {}, model.auxiliary_of(seen, step), monitor_of(seen.posterior))


def scene_inputs(model: "GNM", image: Tensor) -> Tensor:
    """(B, C, H, W) → (B, E + ..., G, G): f^x, and what else the scene level learns from.

    With a glimpse encoder, what the crops of the mean boxes add to it (E more channels); with a background encoder,
    the mean and the deviation of q(z^b), the same in every cell (2 Z more).
    """
    features: Tensor = model.encoder(image)
    latents = in_image_frame(model.head(features).mode)
    inputs = [features]
    if model.glimpse_encoder is not None:
        crops = read_crops(model.glimpse_encoder, image, latents.where)
        latents = replace(latents, what=model.head(features + crops).what.mean)
        inputs.append(crops)
    if model.background_encoder is not None:
        q = background_of(model, image, features, latents)
        behind = torch.cat([q.mean, q.stddev], 1)[..., None, None]
        inputs.append(behind.expand(-1, -1, model.dims.grid, model.dims.grid))
    return torch.cat(inputs, 1)


def finished_symbols(model: "GNM", inputs: Tensor) -> FinishedSymbols:
    """`scene_inputs`, taken apart."""
    width = model.dims.features
    features = inputs[:, :width]
    posterior, background = model.head(features), None
    if model.background_posterior is not None:
        background = background_of_features(model, features)
    if model.glimpse_encoder is not None:
        features = features + inputs[:, width : 2 * width]
        posterior = replace(posterior, what=model.head(features).what)
    if model.background_encoder is not None:
        mean, deviation = inputs[:, -2 * model.dims.background :, 0, 0].chunk(2, dim=1)
        background = Normal(mean, deviation, validate_args=False)
        features = with_background(model, features, background)
    return FinishedSymbols(posterior, maps_for(model.core, inputs[:, :width], features), background)


def scene_terms(model: "GNM", inputs: Tensor) -> Terms:
    """`scene_inputs` → the KLs of q(z^g | f^x) and p(z^s | z^g) on finished feature maps, without rendering."""
    below = finished_symbols(model, inputs)
    q = below.posterior
    drawing = model.core.infer(below.features)
    kl = {
        "scene": scene_divergence(drawing).sum(dim=1),
        **q.divergence(symbols_given(model.head, model.core, drawing.feature_map), q.mean),
    }
    if below.background is not None:
        kl["background"] = divergence(below.background, background_given(model, drawing), below.background.mean)
    return Terms(torch.zeros_like(kl["scene"]), kl, {}, monitor_of(q))


def prior_terms(model: "GNM", inputs: Tensor) -> Terms:
    """`Core.prior_inputs` → the KL of p(z^g) on finished posteriors."""
    scene = model.core.prior_divergence(inputs).sum(dim=1)
    return Terms(torch.zeros_like(scene), {"scene": scene})
