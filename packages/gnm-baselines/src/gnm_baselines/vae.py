"""The variational auto-encoder: one vector for the whole picture."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder, Default, Encoder, Model
from gnm_core.dims import Dims
from gnm_core.distributions import divergence, gaussian_log_likelihood, log_prob, normal
from gnm_core.errors import OptionError
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.results import Scene, Terms
from torch import Tensor, nn
from torch.distributions import Normal


class VAE(Model):
    """Variational auto-encoder on the encoder of GNM, as the source's baseline (supplement, section 4.2, Table 8).

    p(z) = N(0, 1), p(x | z) = Normal(decoder(z), sigma). To its decoder a picture is all background: z is as large as
    `dims.background` (128 in the source), and any background decoder fits.

    Args:
        dims: sizes.
        encoder: f^x of the image.
        decoder: image of the code.
        hidden: channels of the two convolutions from f^x to q(z | x), of kernels 3 and `grid` (4).
        sigma: standard deviation of the pixels' likelihood.

    Raises:
        OptionError: the encoder's map is a single cell, with nothing for the convolutions to look at.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        encoder: Annotated[Encoder, Default("conv")],
        decoder: Annotated[BackgroundDecoder, Default("subpixel-code")],
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], Annotated[int, Ge(1), Le(65536)]] = (128, 128),
        sigma: Annotated[float, Gt(0)] = 0.2,
    ) -> None:
        super().__init__()
        if dims.grid < 2:
            raise OptionError("dims", f"a grid of {dims.grid}: the VAE's head needs a map of at least 2 x 2 cells")
        self.dims, self.sigma = dims, sigma
        self.encoder, self.decoder = encoder, decoder
        first, second = hidden
        self.head = nn.Sequential(
            nn.Conv2d(dims.features, first, 3, padding=1),
            CeluNorm2d(first),
            nn.Conv2d(first, second, dims.grid),
            CeluNorm2d(second),
            nn.Conv2d(second, 2 * dims.background, 1),
        )

    def posterior(self, image: Tensor) -> Normal:
        """(B, C, H, W) → q(z | x) over (B, Z)."""
        return normal(*rearrange(self.head(self.encoder(image)), "b p 1 1 -> b p").chunk(2, dim=1))

    def prior(self, n: int) -> Normal:
        """p(z) over (n, Z), for training and for sampling."""
        zero = next(self.head.parameters()).new_zeros(n, self.dims.background)
        return Normal(zero, zero + 1, validate_args=False)

    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → log-likelihood and the KL of `code`."""
        q = self.posterior(image)
        code = q.rsample()
        likelihood = gaussian_log_likelihood(image, self.decoder(code), self.sigma)
        return Terms(likelihood, {"code": divergence(q, self.prior(len(image)), code)})

    @torch.no_grad()
    def sample(self, n: int) -> Scene:
        """Sample `n` pictures."""
        return self.scene_of(self.prior(n).sample())

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the picture of the posterior's mean."""
        return self.scene_of(self.posterior(image).mean)

    def decode(self, code: Tensor) -> Scene:
        """(B, 1, Z) → the pictures that codes, shaped as `Scene.code`, stand for."""
        return self.scene_of(rearrange(code, "b 1 z -> b z"))

    @torch.no_grad()
    def scene_of(self, code: Tensor) -> Scene:
        """(B, Z) → the picture that the codes stand for."""
        return Scene(self.decoder(code).clamp(0, 1), code=rearrange(code, "b z -> b 1 z"))

    @torch.no_grad()
    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        """(B, C, H, W) → (B,): log importance weight of one posterior sample; nothing is relaxed, always exact."""
        q = self.posterior(image)
        code = q.sample()
        likelihood = gaussian_log_likelihood(image, self.decoder(code), self.sigma)
        return likelihood + log_prob(self.prior(len(image)), code) - log_prob(q, code)
