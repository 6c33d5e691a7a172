"""A core with a code in every cell of the grid: what stands in a cell is said where it stands."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal, overload

import torch
from annotated_types import Ge, Le, Lt
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.completion import Proposals
from gnm_core.contracts import Core
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.layers.standardise import Standardise
from gnm_core.layers.transformer import Block
from gnm_core.parts.cores.code_prior import CodePrior
from gnm_core.quantised_distributions import QuantisedNormal, QuantisedSequence, categorical_divergence
from gnm_core.results import Drawing

SHARPEST = 0.05
"""Least scale of a posterior, in distances of two levels."""


class Cells(Core):
    """One code of S = `dims.scene` numbers with a few levels each per cell, drawn row by row: L = G * G.

    The posterior's transformer sees all cells, so what is ambiguous in one cell is read in the light of the others; the
    decoder's does too. The prior is a causal transformer with a softmax over each number's levels, so that it can say
    exactly what a rule says: which classes and places are possible after those before. Feature maps are standardised on
    the way in and out.

    Args:
        dims: `features`, `grid`, `scene`.
        maps: feature maps that it reads and draws, see `Core.maps`; 2 where there is a glimpse encoder, as no single
            map says both what f^x says of a box and what its crop adds.
        levels: V, levels of each number of a code.
        width: numbers a cell of the transformers.
        heads: their attention heads.
        read: blocks from the feature map to the posterior.
        write: blocks from the code to the feature map.
        prior: blocks of the prior.
        hidden: hidden units of the prior for each number within a cell.
        gated: what the prior makes of the cells before also scales these units, so that it learns sooner what they
            exclude (`docs/reproduction/scene-level.md`).
        dropout: share of what the prior's blocks say that is dropped while learning.

    Raises:
        OptionError: `width` is no multiple of `heads`.
    """

    separate_prior = True

    def __init__(
        self,
        dims: Dims,
        *,
        maps: Literal[1, 2] = 1,
        levels: Annotated[int, Ge(2), Le(1024)] = 16,
        width: Annotated[int, Ge(1), Le(65536)] = 128,
        heads: Annotated[int, Ge(1), Le(256)] = 4,
        read: Annotated[int, Ge(1), Le(255)] = 1,
        write: Annotated[int, Ge(1), Le(255)] = 1,
        prior: Annotated[int, Ge(1), Le(256)] = 3,
        hidden: Annotated[int, Ge(1), Le(65536)] = 48,
        gated: bool = False,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise OptionError("width", f"{width} is no multiple of heads ({heads})")
        self.steps, self.code_size, self.grid, self.levels = dims.grid**2, dims.scene, dims.grid, levels
        self.maps = maps
        self.standard = Standardise(maps * dims.features)
        self.place = nn.Parameter(torch.empty(self.steps, width).normal_(std=0.1))
        self.reader = nn.Sequential(*(Block(width, heads, 2, causal=False) for _ in range(read)), nn.LayerNorm(width))
        self.read, self.describe = nn.Linear(maps * dims.features, width), nn.Linear(width, 2 * dims.scene)
        self.write_place = nn.Parameter(torch.empty(self.steps, width).normal_(std=0.1))
        self.imagine = nn.Sequential(nn.Linear(dims.scene, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.writer = nn.Sequential(*(Block(width, heads, 2, causal=False) for _ in range(write)), nn.LayerNorm(width))
        self.write = nn.Linear(width, maps * dims.features)
        self.prior = CodePrior(
            self.steps,
            dims.scene,
            levels,
            width=width,
            layers=prior,
            heads=heads,
            hidden=hidden,
            gated=gated,
            dropout=dropout,
        )

    def infer(self, features: Tensor, *, mode: bool = False) -> Drawing:
        """(B, maps * E, G, G) → a drawing with a sample (with `mode`: the likeliest levels) of q(z^g | f^x)."""
        posterior = self.posterior(self.prior_inputs(features))
        return self._draw(posterior.mode if mode else posterior.rsample(), posterior)

    def generate(self, n: int, scene: Tensor | None = None) -> Drawing:
        """`n` drawings from the prior, or those of the scene codes (n, L, S)."""
        return self._draw(self.prior.sample(n) if scene is None else scene, None)

    def generate_around(self, n: int, scene: Tensor, kept: Tensor) -> Proposals:
        """`n` codes from the prior in which the kept cells are as in `scene` (L, S); `kept` (L,) bool."""
        return self.prior.sample_around(n, scene, kept)

    def prior_inputs(self, features: Tensor) -> Tensor:
        """(B, maps * E, G, G) → (B, L, 2 * S): parameters of the posterior, all that the prior learns from."""
        cells = rearrange(self.standard(features), "b e h w -> b (h w) e")
        described: Tensor = self.describe(self.reader(self.read(cells) + self.place))
        return described

    def prior_divergence(self, inputs: Tensor) -> Tensor:
        """(B, L, 2 * S) → (B, L): KL(q(z_l) || p(z_l)) of a fresh sample of the posterior, in nats."""
        posterior = self.posterior(inputs)
        return categorical_divergence(posterior.log_masses, self.prior(posterior.sample())).sum(-1)

    def posterior(self, described: Tensor) -> QuantisedNormal:
        """(B, L, 2 * S) → q(z^g | f^x) over (B, L, S)."""
        location, scale = described.chunk(2, -1)
        apart = 2 / (self.levels - 1)
        # half a level beyond the outermost ones, so that these can be certain
        return QuantisedNormal((1 + apart / 2) * location.tanh(), apart * (F.softplus(scale) + SHARPEST), self.levels)

    def _draw(self, scene: Tensor, posterior: QuantisedNormal | None) -> Drawing:
        contexts = self.prior.contexts(scene[:, :-1])
        log_masses = self.prior.log_masses(contexts, scene)
        codes = scene.unbind(1)
        cells = zip(contexts.unbind(1), codes, log_masses.unbind(1), strict=True)
        prior = tuple(self._prior_of(context, code, masses) for context, code, masses in cells)
        written = self.write(self.writer(self.imagine(scene) + self.write_place))
        feature_map = self.standard.inverse(rearrange(written, "b (h w) e -> b e h w", h=self.grid))
        return Drawing(
            feature_map,
            scene,
            prior,
            None if posterior is None else posterior.unbind(),
            _CellByCell(feature_map, self.standard.mean[:, None, None].clone()),  # which moves on while it learns
            None if posterior is None else categorical_divergence(posterior.log_masses, log_masses).sum(-1),
        )

    def _prior_of(self, context: Tensor, code: Tensor, log_masses: Tensor) -> QuantisedSequence:
        return QuantisedSequence(partial(self.prior.log_masses, context), code, log_masses)


class _CellByCell(Sequence[Tensor]):
    """f_1 ... f_L: the cells written so far, the others as in the mean map; each made when it is asked for.

    Args:
        feature_map: (B, maps * E, G, G): f_L.
        blank: (maps * E, 1, 1): the mean map.
    """

    def __init__(self, feature_map: Tensor, blank: Tensor) -> None:
        self._feature_map, self._blank = feature_map, blank

    def __len__(self) -> int:
        return self._feature_map[0, 0].numel()

    @overload
    def __getitem__(self, step: int) -> Tensor: ...
    @overload
    def __getitem__(self, step: slice) -> tuple[Tensor, ...]: ...
    def __getitem__(self, step: int | slice) -> Tensor | tuple[Tensor, ...]:
        if isinstance(step, slice):
            return tuple(self[one] for one in range(*step.indices(len(self))))
        at = range(len(self))[step]
        if at == len(self) - 1:
            return self._feature_map
        order = torch.arange(len(self), device=self._blank.device).view(self._feature_map.shape[-2:])
        return torch.where(order <= at, self._feature_map, self._blank)
