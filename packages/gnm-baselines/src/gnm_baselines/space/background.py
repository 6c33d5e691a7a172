"""SPACE's background module: a mixture of segments, in the manner of GENESIS."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from einops import rearrange, repeat
from gnm_core.dims import Dims
from gnm_core.distributions import normal
from gnm_core.errors import OptionError
from gnm_render.decoders.stack import subpixel_stack
from torch import Tensor, nn
from torch.distributions import Normal

from gnm_baselines.decoders.growth import check_growth
from gnm_baselines.genesis.component import ComponentEncoder
from gnm_baselines.layers.broadcast import BroadcastDecoder
from gnm_baselines.layers.elu import elu
from gnm_baselines.layers.sequence import SequencePosterior, SequencePrior
from gnm_baselines.layers.sticks import break_sticks
from gnm_baselines.space.contract import Background, Segments

Sizes = tuple[Annotated[int, Ge(1), Le(65536)], ...]


class SpaceBackground(Background):
    """K segments: LSTMs over mask codes, stick-breaking, component VAEs (SPACE, arXiv:2001.02407).

    K - 1 masks are decoded; the last one is what is left.

    Args:
        dims: `channels`, `size`.
        components: K.
        mask: M, numbers in a mask code.
        component: Z, numbers in a component code.
        hidden: size of the image's encoding, of the LSTMs, and of the component prior's hidden layer.
        decoder: channels of the mask decoder's sub-pixel convolutions, in pairs of kernels 1 and 3.
        upscales: growth of each pair; their product is `size`; by default 4s as long as they go, then 2, then 1.
        layers: valid convolutions of the broadcast decoder.

    Raises:
        OptionError: the image's side is no multiple of 16, or the mask decoder does not reach it.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        components: Annotated[int, Ge(2), Le(1024)] = 5,
        mask: Annotated[int, Ge(1), Le(65536)] = 32,
        component: Annotated[int, Ge(1), Le(65536)] = 32,
        hidden: Annotated[int, Ge(1), Le(65536)] = 64,
        decoder: Sizes = (256, 128, 64, 16),
        upscales: Sizes | None = None,
        layers: Annotated[int, Ge(1), Le(64)] = 3,
    ) -> None:
        super().__init__()
        if dims.size % 16:
            raise OptionError("dims", f"a size of {dims.size} px cannot be halved four times; take a multiple of 16")
        if upscales is None:
            rest, growths = dims.size, []
            for _ in decoder:
                growths.append(4 if rest % 4 == 0 else 2 if rest % 2 == 0 else 1)
                rest //= growths[-1]
            upscales = tuple(growths)
        check_growth(upscales, 1, dims.size)
        if len(decoder) != len(upscales):
            raise OptionError("decoder", f"{len(decoder)} pairs of layers for {len(upscales)} upscales")
        self.count, self.mask = components, mask
        self.convs = nn.ModuleList(nn.Conv2d(c, 64, 3, 2, 1) for c in (dims.channels, 64, 64, 64))
        self.encode = nn.Linear(64 * (dims.size // 16) ** 2, hidden)
        self.mask_posterior = SequencePosterior(hidden, mask, hidden)
        self.mask_prior = SequencePrior(mask, hidden)
        channels = [256, *(c for c in decoder for _ in range(2))]
        growth = [1, *(u for pair in upscales for u in (pair, 1)), 1]
        kernels = [1, *([1, 3] * len(decoder)), 3]
        self.mask_decoder = subpixel_stack(mask, channels, 1, kernels, growth)[:-1]  # logits: no sigmoid at the end
        self.encoder = ComponentEncoder(dims.channels + 1, dims.size, component, hidden=2 * hidden)
        self.decoder = BroadcastDecoder(component, dims.channels, dims.size, layers=layers)
        self.component_prior = nn.Sequential(
            nn.Linear(mask, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, 2 * component)
        )

    def prior_of_masks(self, mask_codes: Tensor) -> Normal:
        """(B, K, M) → p(z^m) over (B, K, M): each code's distribution given those before it."""
        return self.mask_prior.score(mask_codes)

    def prior(self, mask_codes: Tensor) -> Normal:
        """(B, K, M) → p(z^c | z^m) over (B, K, Z), for training and for sampling."""
        return normal(*self.component_prior(mask_codes).chunk(2, dim=-1))

    def masks(self, mask_codes: Tensor) -> Tensor:
        """(B, K, M) → (B, K, H, W): log-masks, all decoded in one pass."""
        codes = rearrange(mask_codes[:, :-1], "b k m -> (b k) m 1 1")
        return break_sticks(rearrange(self.mask_decoder(codes), "(b k) 1 h w -> b k h w", k=self.count - 1))

    def images(self, codes: Tensor) -> Tensor:
        """(B, K, Z) → (B, K, C, H, W)."""
        images: Tensor = self.decoder(rearrange(codes, "b k z -> (b k) z"))
        return rearrange(images, "(b k) c h w -> b k c h w", k=self.count)

    def infer(self, image: Tensor, *, mode: bool = False) -> Segments:
        """(B, C, H, W) → the segments of each image, with a sample (with `mode`: the mean) of every posterior."""
        x = image.contiguous(memory_format=torch.channels_last)
        for conv in self.convs:
            x = elu(conv(x))
        masks = self.mask_posterior(self.encode(x.flatten(1)), self.count, mode=mode)
        log_masks = self.masks(masks.codes)
        seen = torch.cat([log_masks[:, :, None], repeat(image, "b c h w -> b k c h w", k=self.count)], 2)
        parameters = self.encoder(rearrange(seen, "b k c h w -> (b k) c h w"))
        posterior = normal(*rearrange(parameters, "(b k) p -> b k p", k=self.count).chunk(2, dim=-1))
        codes = posterior.mean if mode else posterior.rsample()
        return Segments(masks.codes, codes, log_masks, self.images(codes), masks.distribution, posterior)

    def sample(self, n: int) -> Segments:
        """The segments of `n` backgrounds, from the priors."""
        mask_codes = self.mask_prior.sample(n, self.count).codes
        return self.decode(mask_codes, self.prior(mask_codes).sample())

    def decode(self, mask_codes: Tensor, codes: Tensor) -> Segments:
        """(B, K, M), (B, K, Z) → the segments that the codes stand for."""
        return Segments(mask_codes, codes, self.masks(mask_codes), self.images(codes))
