"""z^b: its posterior, its prior, and what it tells the scene code."""

from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor
from torch.distributions import Normal

from gnm_core.distributions import normal
from gnm_core.latents import SymbolicLatents
from gnm_core.layers.boxes import cover
from gnm_core.results import Drawing

if TYPE_CHECKING:
    from gnm_core.gnm.model import GNM


def background_of(
    model: "GNM", image: Tensor, features: Tensor, latents: SymbolicLatents, step: int | None = None
) -> Normal:
    """q(z^b | f^x), or q(z^b | x, z^pres, z^where), or q(z^b | x, z^s); `step` as for `GNM.render`."""
    if model.background_encoder is None:
        return background_of_features(model, features)
    parameters = model.background_encoder(image, _covered(model, latents, step))
    return normal(*parameters.chunk(2, dim=1))


@torch.no_grad()
def _covered(model: "GNM", latents: SymbolicLatents, step: int | None) -> Tensor:
    """(B, 1, H, W): how much of a pixel lies in boxes, or behind masks."""
    if model.background_encoder.past == "masks":  # type: ignore[union-attr]
        nothing = latents.what.new_zeros(latents.batch, model.dims.background)
        covered: Tensor = model.render(latents, nothing, step).alpha
        return covered
    where, presence = (rearrange(z, "b h w d -> b (h w) d") for z in (latents.where, latents.presence))
    return cover(where, presence.squeeze(-1), model.dims.size)


def background_of_features(model: "GNM", features: Tensor) -> Normal:
    """q(z^b | f^x)."""
    assert model.background_posterior is not None
    return normal(*model.background_posterior(features.flatten(1)).chunk(2, dim=1))


def background_given(model: "GNM", drawing: Drawing) -> Normal:
    """p(z^b | z^g)."""
    assert model.background_generator is not None
    return normal(*model.background_generator(drawing.scene.flatten(1)).chunk(2, dim=1))


def with_background(model: "GNM", features: Tensor, posterior: Normal) -> Tensor:
    """Features that tell of a background that was not read from them."""
    if model.background_encoder is None:
        return features
    added: Tensor = model.background_summary(posterior.mean)[..., None, None]
    return features + added
