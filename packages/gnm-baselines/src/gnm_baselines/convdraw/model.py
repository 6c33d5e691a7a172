"""The flat ConvDRAW: draws a feature map and decodes it to the picture, without objects."""

from typing import Annotated

import torch
from annotated_types import Gt
from gnm_core.contracts import Core, Default, Encoder, Model
from gnm_core.dims import Dims
from gnm_core.distributions import divergence, gaussian_log_likelihood, log_prob
from gnm_core.results import Drawing, Scene, Terms
from torch import Tensor

from gnm_baselines.decoders.contract import MapDecoder


class ConvDRAWModel(Model):
    """ConvDRAW as the source's baseline (supplement, section 4.2, Table 9); any core fits, StructDRAW too.

    Args:
        dims: sizes.
        encoder: f^x of the image.
        core: draws the feature map.
        decoder: image of the feature map.
        sigma: standard deviation of the pixels' likelihood.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        encoder: Annotated[Encoder, Default("conv")],
        core: Annotated[Core, Default("convdraw")],
        decoder: Annotated[MapDecoder, Default("subpixel-map")],
        sigma: Annotated[float, Gt(0)] = 0.2,
    ) -> None:
        super().__init__()
        self.dims, self.sigma = dims, sigma
        self.encoder, self.core, self.decoder = encoder, core, decoder

    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → log-likelihood and the KL of `scene`, summed over drawing steps."""
        drawing = self.core.infer(self.encoder(image))
        assert drawing.posterior is not None
        likelihood = gaussian_log_likelihood(image, self.decoder(drawing.feature_map), self.sigma)
        steps = zip(drawing.posterior, drawing.prior, drawing.scene.unbind(1), strict=True)
        return Terms(likelihood, {"scene": torch.stack([divergence(q, p, z) for q, p, z in steps]).sum(0)})

    @torch.no_grad()
    def sample(self, n: int) -> Scene:
        """Sample `n` pictures: every step's latent from its prior."""
        return self.scene_of(self.core.generate(n))

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the picture of the posteriors' means."""
        return self.scene_of(self.draw(image))

    @torch.no_grad()
    def draw(self, image: Tensor) -> Drawing:
        """(B, C, H, W) → the drawing of the posteriors' means."""
        return self.core.infer(self.encoder(image), mode=True)

    @torch.no_grad()
    def decode(self, code: Tensor) -> Scene:
        """(B, L, S) → the pictures that the latents of all steps describe."""
        return self.scene_of(self.core.generate(len(code), code))

    @torch.no_grad()
    def scene_of(self, drawing: Drawing) -> Scene:
        """The picture that a drawing describes."""
        return Scene(self.decoder(drawing.feature_map).clamp(0, 1), code=drawing.scene)

    @torch.no_grad()
    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        """(B, C, H, W) → (B,): log importance weight of one posterior sample; nothing is relaxed, always exact."""
        drawing = self.core.infer(self.encoder(image))
        assert drawing.posterior is not None
        likelihood = gaussian_log_likelihood(image, self.decoder(drawing.feature_map), self.sigma)
        steps = zip(drawing.posterior, drawing.prior, drawing.scene.unbind(1), strict=True)
        return likelihood + torch.stack([log_prob(p, z) - log_prob(q, z) for q, p, z in steps]).sum(0)
