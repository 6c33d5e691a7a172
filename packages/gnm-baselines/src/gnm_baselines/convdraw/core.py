"""ConvDRAW's core: a latent map a step, drawn by convolutions alone."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from einops import rearrange
from gnm_core.contracts import Core
from gnm_core.dims import Dims
from gnm_core.distributions import normal
from gnm_core.errors import OptionError
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.convlstm import ConvLSTM
from gnm_core.results import Drawing
from torch import Tensor, nn
from torch.distributions import Normal


class ConvDRAW(Core):
    """Convolutional DRAW (Gregor et al., 2016, arXiv:1604.08772) under the contract of StructDRAW.

    Each step has a latent map of `scene` numbers a cell; its code is that map, cell by cell: S = scene * G * G.
    q(z_l) sees [h_dec, f^x, f^x - f]; p(z_l) sees h_dec alone, in training and in generation.

    Args:
        dims: `features`, `grid`, `scene`.
        steps: L, drawing steps (4 or 8 in the source; 1 is a hierarchy of one, and works).
        kernel: odd kernel of both ConvLSTMs.
        hidden: channels of the two CNNs to the parameters of p and q; `features` where left out.

    Raises:
        OptionError: an even kernel.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        steps: Annotated[int, Ge(1), Le(1024)] = 4,
        kernel: Annotated[int, Ge(1), Le(255)] = 3,
        hidden: Annotated[int, Ge(1), Le(65536)] | None = None,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise OptionError("kernel", f"{kernel} is even: the map would change its size")
        self.steps, self.code_size, self.grid = steps, dims.scene * dims.grid**2, dims.grid
        features, latent = dims.features, 2 * dims.scene
        self.encoder = ConvLSTM(3 * features, features, dims.grid, kernel)
        self.decoder = ConvLSTM(latent, features, dims.grid, kernel)
        self.prior = _two_layers(features, hidden or features, latent)
        self.posterior = _two_layers(features, hidden or features, latent)
        self.decode = nn.Sequential(nn.Conv2d(dims.scene, latent, 1), CeluNorm2d(latent))
        self.write = nn.Conv2d(features, features, 3, padding=1)

    def infer(self, features: Tensor, *, mode: bool = False) -> Drawing:
        """(B, E, G, G) → a drawing with a sample (with `mode`: the mean) of q(z^g | f^x)."""
        return self._draw(features.shape[0], features=features, mode=mode)

    def generate(self, n: int, scene: Tensor | None = None) -> Drawing:
        """`n` drawings from the prior, or those of the scene codes (n, L, S)."""
        return self._draw(n, scene=scene)

    def _draw(
        self, n: int, *, features: Tensor | None = None, scene: Tensor | None = None, mode: bool = False
    ) -> Drawing:
        reading, drawing = self.encoder.initial(n), self.decoder.initial(n)
        canvas = torch.zeros_like(drawing.hidden)
        priors, posteriors, codes, canvases = [], [], [], []
        for step in range(self.steps):
            priors.append(_distribution(self.prior(drawing.hidden)))
            if features is not None:
                reading = self.encoder([drawing.hidden, features, features - canvas], reading)
                posteriors.append(_distribution(self.posterior(reading.hidden)))
                code = posteriors[-1].mean if mode else posteriors[-1].rsample()
            else:
                code = priors[-1].sample() if scene is None else scene[:, step]
            latent = rearrange(code, "b (h w d) -> b d h w", h=self.grid, w=self.grid)
            drawing = self.decoder(self.decode(latent), drawing)
            canvas = canvas + self.write(drawing.hidden)
            codes.append(code)
            canvases.append(canvas)
        return Drawing(
            feature_map=canvas,
            scene=torch.stack(codes, dim=1),
            prior=tuple(priors),
            posterior=tuple(posteriors) if features is not None else None,
            canvases=tuple(canvases),
        )


def _two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 3, padding=1), CeluNorm2d(hidden), nn.Conv2d(hidden, outputs, 3, padding=1)
    )


def _distribution(parameters: Tensor) -> Normal:
    """(B, 2 D, G, G) → Normal over (B, G * G * D), cell by cell."""
    mean, raw_std = rearrange(parameters, "b (two d) h w -> two b (h w d)", two=2)
    return normal(mean, raw_std)
