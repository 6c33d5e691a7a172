"""GENESIS with the changes of the source (supplement, section 4.2)."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from einops import rearrange, repeat
from gnm_core.contracts import Default, Model
from gnm_core.dims import Dims
from gnm_core.distributions import divergence, log_prob, normal
from gnm_core.errors import OptionError
from gnm_core.results import Components, Scene, Terms
from torch import Tensor, nn
from torch.distributions import Normal

from gnm_baselines.genesis.attention import Attention
from gnm_baselines.genesis.component import ComponentEncoder
from gnm_baselines.layers.broadcast import BroadcastDecoder
from gnm_baselines.layers.mixture import mixture_log_likelihood
from gnm_baselines.layers.sequence import SequencePosterior, SequencePrior
from gnm_baselines.layers.sticks import break_sticks


@dataclass(frozen=True)
class Inference:
    """What one pass over a batch of images yields."""

    mask_codes: Tensor
    """(B, K, M): z^m."""
    mask_posterior: Normal
    """q(z^m | x) over (B, K, M)."""
    codes: Tensor
    """(B, K, Z): z^c."""
    posterior: Normal
    """q(z^c | x, m) over (B, K, Z)."""
    log_masks: Tensor
    """(B, K, H, W)."""
    images: Tensor
    """(B, K, C, H, W): what each component looks like."""


class GENESIS(Model):
    """GENESIS (Engelcke et al., ICLR 2020, arXiv:1907.13052): masks one after the other, then what is behind them.

    K components make K masks from K mask codes: K - 1 sticks are decoded and broken, and the last mask is the rest. The
    last mask code is not decoded; it is what the last component's prior sees.

    Args:
        dims: `channels`, `size`; the other sizes are the options below.
        attention: image to h, mask code to mask.
        components: K.
        component: Z, numbers in z^c.
        layers: valid convolutions of the broadcast decoder (3 in the source; published: 4).
        channels: of each of them.
        posterior_hidden: LSTM of q(z^m).
        prior_hidden: LSTM of p(z^m), and hidden layers of p(z^c | z^m).
        sigma: standard deviation of the pixels' likelihood.

    Raises:
        OptionError: the image's side is no multiple of 16, which the component encoder halves four times.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        attention: Annotated[Attention, Default("gated")],
        components: Annotated[int, Ge(2), Le(1024)] = 5,
        component: Annotated[int, Ge(1), Le(65536)] = 16,
        layers: Annotated[int, Ge(1), Le(64)] = 3,
        channels: Annotated[int, Ge(1), Le(65536)] = 32,
        posterior_hidden: Annotated[int, Ge(1), Le(65536)] = 128,
        prior_hidden: Annotated[int, Ge(1), Le(65536)] = 256,
        sigma: Annotated[float, Gt(0)] = 0.2,
    ) -> None:
        super().__init__()
        if dims.size % 16:
            raise OptionError("dims", f"a size of {dims.size} px cannot be halved four times; take a multiple of 16")
        self.dims, self.count, self.sigma = dims, components, sigma
        self.attention = attention
        self.mask_posterior = SequencePosterior(attention.features, attention.code, posterior_hidden)
        self.mask_prior = SequencePrior(attention.code, prior_hidden)
        self.encoder = ComponentEncoder(dims.channels + 1, dims.size, component)
        self.decoder = BroadcastDecoder(component, dims.channels, dims.size, layers=layers, channels=channels)
        self.component_prior = nn.Sequential(
            nn.Linear(attention.code, prior_hidden),
            nn.ELU(),
            nn.Linear(prior_hidden, prior_hidden),
            nn.ELU(),
            nn.Linear(prior_hidden, 2 * component),
        )

    def prior(self, mask_codes: Tensor) -> Normal:
        """(B, K, M) → p(z^c | z^m) over (B, K, Z), for training and for sampling."""
        return normal(*self.component_prior(mask_codes).chunk(2, dim=-1))

    def masks(self, mask_codes: Tensor) -> Tensor:
        """(B, K, M) → (B, K, H, W): log-masks; batch norm sees one step at a time, as published."""
        return break_sticks(torch.stack([self.attention.decode(code) for code in mask_codes[:, :-1].unbind(1)], 1))

    def images(self, codes: Tensor) -> Tensor:
        """(B, K, Z) → (B, K, C, H, W): what each component looks like, all in one pass."""
        images: Tensor = self.decoder(rearrange(codes, "b k z -> (b k) z"))
        return rearrange(images, "(b k) c h w -> b k c h w", k=codes.shape[1])

    def infer(self, image: Tensor, *, mode: bool = False) -> Inference:
        """(B, C, H, W) → one pass with a sample (with `mode`: the mean) of every posterior."""
        masks = self.mask_posterior(self.attention.encode(image), self.count, mode=mode)
        log_masks = self.masks(masks.codes)
        seen = torch.cat([log_masks[:, :, None], repeat(image, "b c h w -> b k c h w", k=self.count)], 2)
        parameters = rearrange(
            self.encoder(rearrange(seen, "b k c h w -> (b k) c h w")), "(b k) p -> b k p", k=self.count
        )
        posterior = normal(*parameters.chunk(2, dim=-1))
        codes = posterior.mean if mode else posterior.rsample()
        return Inference(masks.codes, masks.distribution, codes, posterior, log_masks, self.images(codes))

    def log_likelihood(self, image: Tensor, seen: Inference) -> Tensor:
        """(B,): log p(x | z) of an inference, in nats per image."""
        return mixture_log_likelihood(image, seen.images, seen.log_masks, self.sigma)

    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → log-likelihood and the KLs of `mask` and `component`, summed over K."""
        seen = self.infer(image)
        kl = {
            "mask": divergence(seen.mask_posterior, self.mask_prior.score(seen.mask_codes), seen.mask_codes),
            "component": divergence(seen.posterior, self.prior(seen.mask_codes), seen.codes),
        }
        shares = seen.log_masks.detach().exp().mean((2, 3))
        used = (shares > 0.01).sum(1).float()
        return Terms(self.log_likelihood(image, seen), kl, monitor={"components used": used})

    @torch.no_grad()
    def sample(self, n: int) -> Scene:
        """Sample `n` pictures: mask codes, then component codes, from their priors."""
        mask_codes = self.mask_prior.sample(n, self.count).codes
        return self.scene_of(mask_codes, self.prior(mask_codes).sample())

    def decode(self, code: Tensor) -> Scene:
        """(B, K, M + Z) → the picture that codes, shaped as `Scene.code`, stand for."""
        mask = self.attention.code
        return self.scene_of(code[..., :mask], code[..., mask:])

    @torch.no_grad()
    def scene_of(self, mask_codes: Tensor, codes: Tensor) -> Scene:
        """(B, K, M), (B, K, Z) → the picture that the codes stand for."""
        return self._scene(mask_codes, codes, self.masks(mask_codes), self.images(codes))

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the picture of the posteriors' means."""
        seen = self.infer(image, mode=True)
        return self._scene(seen.mask_codes, seen.codes, seen.log_masks, seen.images)

    @torch.no_grad()
    def components(self, image: Tensor) -> Components:
        """(B, C, H, W) → K components in the order of inference, their masks summing to one."""
        seen = self.infer(image, mode=True)
        names = tuple(f"component {k + 1}" for k in range(self.count))
        return Components(seen.images, seen.log_masks.exp()[:, :, None], names)

    @torch.no_grad()
    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        """(B, C, H, W) → (B,): log importance weight of one posterior sample; nothing is relaxed, always exact."""
        seen = self.infer(image)
        priors = log_prob(self.mask_prior.score(seen.mask_codes), seen.mask_codes)
        priors = priors + log_prob(self.prior(seen.mask_codes), seen.codes)
        posteriors = log_prob(seen.mask_posterior, seen.mask_codes) + log_prob(seen.posterior, seen.codes)
        return self.log_likelihood(image, seen) + priors - posteriors

    def _scene(self, mask_codes: Tensor, codes: Tensor, log_masks: Tensor, images: Tensor) -> Scene:
        image = (log_masks.exp()[:, :, None] * images).sum(1)
        return Scene(image.clamp(0, 1), code=torch.cat([mask_codes, codes], -1))
