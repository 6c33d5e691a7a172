"""StructDRAW: draws the scene's feature map in autoregressive steps."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le, MinLen
from einops import rearrange
from torch import Tensor, nn

from gnm_core.contracts import Core, Default, ScenePrior
from gnm_core.dims import Dims
from gnm_core.distributions import normal
from gnm_core.errors import OptionError
from gnm_core.layers.convlstm import ConvLSTM
from gnm_core.layers.mlp import mlp
from gnm_core.layers.standardise import Standardise
from gnm_core.results import Drawing


class StructDRAW(Core):
    """The paper's core (Algorithm 1, Table 7): two ConvLSTMs, an interaction MLP, drawing on the feature map.

    Args:
        dims: `features`, `grid`, `scene`.
        prior: p(z_l | h_dec).
        steps: L, drawing steps.
        kernel: odd kernel of both ConvLSTMs; 1 is published and fits Table 3 (Table 7 prints 3).
        interaction: hidden sizes of the MLP from the encoder's state to q(z_l).
        decoder: hidden sizes of the MLP from z_l to the decoder's input (Table 7: 512, 1024; MNIST as published:
            512, 512).
        maps: feature maps that it reads and draws, see `Core.maps`; 2 where there is a glimpse encoder, as no single
            map says both what f^x says of a box and what its crop adds.
        standardise: feature maps are read and drawn in the units of their own channels, by running statistics; without,
            as published, the first maps that the symbols meet are like none that they have seen.

    Raises:
        OptionError: an even kernel.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        prior: Annotated[ScenePrior, Default("autoregressive")],
        steps: Annotated[int, Ge(1), Le(1024)] = 4,
        kernel: Annotated[int, Ge(1), Le(255)] = 1,
        interaction: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512, 512),
        decoder: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512, 512),
        maps: Literal[1, 2] = 1,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise OptionError("kernel", f"{kernel} is even: the map would change its size")
        self.steps, self.code_size, self.grid, self.features = steps, dims.scene, dims.grid, dims.features
        self.maps, flat = maps, dims.features * dims.grid**2
        self.encoder = ConvLSTM((2 * maps + 1) * dims.features, dims.features, dims.grid, kernel)
        self.decoder = ConvLSTM((maps + 1) * dims.features, dims.features, dims.grid, kernel)
        self.prior = prior
        self.posterior = mlp([flat, *interaction, 2 * dims.scene])
        self.decode = mlp([dims.scene, *decoder, flat], activate_last=True)
        self.write = nn.Conv2d(dims.features, maps * dims.features, 3, padding=1)
        self.standard = Standardise(maps * dims.features) if standardise else None

    def infer(self, features: Tensor, *, mode: bool = False) -> Drawing:
        """(B, maps * E, G, G) → a drawing with a sample (with `mode`: the mean) of q(z^g | f^x)."""
        if self.standard is not None:
            features = self.standard(features)
        return self._draw(features.shape[0], features=features, mode=mode)

    def generate(self, n: int, scene: Tensor | None = None) -> Drawing:
        """`n` drawings from the prior, or those of the scene codes (n, L, S)."""
        return self._draw(n, scene=scene)

    def _draw(
        self, n: int, *, features: Tensor | None = None, scene: Tensor | None = None, mode: bool = False
    ) -> Drawing:
        reading, drawing = self.encoder.initial(n), self.decoder.initial(n)
        canvas = torch.zeros_like(drawing.hidden).repeat(1, self.maps, 1, 1)
        states, priors, posteriors, codes, canvases = [], [], [], [], []
        for step in range(self.steps):
            states.append(drawing.hidden)
            if features is not None:
                reading = self.encoder([features, features - canvas, drawing.hidden], reading)
                mean, raw_std = self.posterior(rearrange(reading.hidden, "b e h w -> b (h w e)")).chunk(2, dim=1)
                posteriors.append(normal(mean, raw_std))
                code = posteriors[-1].mean if mode else posteriors[-1].rsample()
            elif scene is not None:
                code = scene[:, step]
            else:
                priors.append(self.prior(drawing.hidden))
                code = priors[-1].sample()
            decoded = rearrange(self.decode(code), "b (e h w) -> b e h w", h=self.grid, w=self.grid)
            drawing = self.decoder([decoded, canvas], drawing)
            canvas = canvas + self.write(drawing.hidden)
            codes.append(code)
            canvases.append(canvas)
        if self.standard is not None:
            canvases = [self.standard.inverse(drawn) for drawn in canvases]
        return Drawing(
            feature_map=canvases[-1],
            scene=torch.stack(codes, dim=1),
            prior=tuple(priors) or self.prior.of_steps(states),
            posterior=tuple(posteriors) if features is not None else None,
            canvases=tuple(canvases),
        )
