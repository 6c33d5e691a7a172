"""SPACE's foreground module: one object a cell, inferred in parallel."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import Default, Encoder, GlimpseDecoder, Schedule
from gnm_core.dims import Dims
from gnm_core.distributions import bernoulli, normal, relaxed_sample
from gnm_core.errors import OptionError
from gnm_core.latents import SymbolicDistribution, SymbolicLatents
from gnm_core.layers.boxes import crop
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack
from torch import Tensor, nn
from torch.distributions import Normal

from gnm_baselines.space.contract import Foreground, Seen


class SpaceForeground(Foreground):
    """Objects of SPACE (Lin et al., ICLR 2020, arXiv:2001.02407).

    A residual convolutional encoder sees the image; each cell says presence, depth, and a box; the crop of the box says
    what is in it. width, height = sigmoid(s); centre = (2 / G) * (cell + 0.5 + tanh(d)) - 1.

    Args:
        dims: `channels`, `size`, `grid`, `features`, `what`.
        encoder: image to the feature map of the cells.
        glimpse: what code to appearance and alpha.
        presence: rho of the prior of z^pres, at each training step.
        scale_mean: mean of the prior of the boxes' (s_x, s_y), at each training step.
        temperature: of the relaxed z^pres, at each training step.
        channels: of the glimpse encoder's layers, three of which halve the glimpse; the last one sees all that is left.

    Raises:
        OptionError: the glimpse decoder makes no alpha, or glimpses whose side is no multiple of 8 (an odd one, say).
    """

    def __init__(
        self,
        dims: Dims,
        *,
        encoder: Annotated[Encoder, Default("conv")],
        glimpse: Annotated[
            GlimpseDecoder,
            Default(
                "subpixel",
                masks=True,
                channels=(256, 128, 128, 128, 128, 64, 64, 32, 32, 16, 16),
                kernels=(1, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 3),
                upscales=(1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1),
            ),
        ],
        presence: Annotated[Schedule, Default("linear", from_=0.1, to=0.01, since=4000, until=10000)],
        scale_mean: Annotated[Schedule, Default("linear", from_=-1.0, to=-2.0, since=10000, until=20000)],
        temperature: Annotated[Schedule, Default("linear", from_=2.5, to=0.5, until=20000)],
        channels: tuple[
            Annotated[int, Ge(1), Le(65536)],
            Annotated[int, Ge(1), Le(65536)],
            Annotated[int, Ge(1), Le(65536)],
            Annotated[int, Ge(1), Le(65536)],
        ] = (
            16,
            32,
            64,
            128,
        ),
    ) -> None:
        super().__init__()
        if not glimpse.masks:
            raise OptionError("glimpse", "makes no alpha; take a decoder with masks")
        if glimpse.size % 8:
            raise OptionError("glimpse", f"of {glimpse.size} px cannot be halved three times; take a multiple of 8")
        self.size, self.grid, self.code = dims.size, dims.grid, dims.what
        self.rate, self.scale_mean, self.temperature = presence, scale_mean, temperature
        self.encoder, self.glimpse = encoder, glimpse
        features = dims.features
        self.context = ConvStack(
            nn.Conv2d(features, features, 3, padding=1),
            CeluNorm2d(features),
            nn.Conv2d(features, features, 3, padding=1),
            CeluNorm2d(features),
        )
        self.heads = nn.Conv2d(features, 1 + 2 + 8, 1)
        bias = torch.zeros(11)
        bias[3:5], bias[7:9] = -1, -2.25  # boxes start as their prior: mean -1, std softplus(-2.25) = 0.1
        self.heads.bias = nn.Parameter(bias)
        nn.init.uniform_(self.heads.weight, -0.01, 0.01)
        a, b, c, d = channels
        self.what = ConvStack(
            *(nn.Conv2d(dims.channels, a, 3, padding=1), CeluNorm2d(a)),
            *(nn.Conv2d(a, b, 4, 2, 1), CeluNorm2d(b)),
            *(nn.Conv2d(b, b, 3, padding=1), CeluNorm2d(b)),
            *(nn.Conv2d(b, c, 4, 2, 1), CeluNorm2d(c)),
            *(nn.Conv2d(c, c, 3, padding=1), CeluNorm2d(c)),
            *(nn.Conv2d(c, d, 4, 2, 1), CeluNorm2d(d)),
            *(nn.Conv2d(d, d, glimpse.size // 8), CeluNorm2d(d)),
            nn.Conv2d(d, 2 * dims.what, 1),
        )

    def prior(self, step: int) -> SymbolicDistribution:
        """What objects are like before any image is seen, as of training step `step`; for the KLs and for sampling.

        Each broadcasts to (B, G, G, D).
        """
        one = self.heads.weight.new_ones(1)
        mean = torch.stack([one[0] * m for m in (self.scale_mean(step), self.scale_mean(step), 0.0, 0.0)])
        std = torch.stack([one[0] * s for s in (0.1, 0.1, 1.0, 1.0)])
        standard = Normal(0 * one, one, validate_args=False)
        return SymbolicDistribution(
            presence=bernoulli(torch.logit(one * self.rate(step))),
            where=Normal(mean, std, validate_args=False),
            depth=standard,
            what=standard,
        )

    def infer(self, image: Tensor, step: int, *, mode: bool = False, hard: bool = False) -> Seen:
        """(B, C, H, W) → the objects in each image; see `Foreground.infer` in the contract."""
        features = self.encoder(image)
        parameters = rearrange(self.heads(features + self.context(features)), "b p h w -> b h w p")
        logit, depth, box = parameters.split([1, 2, 8], -1)
        named = bernoulli(8.8 * logit.tanh())
        logits = named.logits
        q_depth = normal(*depth.chunk(2, -1))
        # the box's numbers: the means of s and d, then their raw standard deviations
        q_where = normal(*box.chunk(2, -1))
        if hard:
            presence = (logits > 0).to(logits.dtype) if mode else named.sample()
        else:
            presence = logits.sigmoid() if mode else relaxed_sample(logits, self.temperature(step))
        raw = q_where.mean if mode else q_where.rsample()
        where = self.to_image_frame(raw)
        glimpses = crop(image, rearrange(where, "b h w p -> b (h w) p"), self.glimpse.size)
        q_what = normal(
            *rearrange(
                self.what(rearrange(glimpses, "b n c h w -> (b n) c h w")),
                "(b h w) p 1 1 -> b h w p",
                h=self.grid,
                w=self.grid,
            ).chunk(2, -1)
        )
        what = q_what.mean if mode else q_what.rsample()
        latents = SymbolicLatents(presence, where, q_depth.mean if mode else q_depth.rsample(), what)
        return Seen(SymbolicDistribution(named, q_where, q_depth, q_what), raw, latents)

    def sample(self, n: int, step: int) -> SymbolicLatents:
        """Objects of `n` scenes, from the prior as of training step `step`."""
        p, cells = self.prior(step), (n, self.grid, self.grid)
        return SymbolicLatents(
            presence=p.presence.sample(cells),
            where=self.to_image_frame(p.where.sample(cells)),
            depth=p.depth.sample(cells),
            what=p.what.sample((*cells, self.code)).squeeze(-1),
        )

    def to_image_frame(self, raw: Tensor) -> Tensor:
        """(B, G, G, 4) = (s_x, s_y, d_x, d_y) → (width, height, x, y) in the image frame [-1, 1]."""
        cells = torch.arange(self.grid, device=raw.device, dtype=raw.dtype) + 0.5
        cell = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1)
        centre = (2 / self.grid) * (cell + raw[..., 2:].tanh()) - 1
        return torch.cat([raw[..., :2].sigmoid(), centre], dim=-1)
