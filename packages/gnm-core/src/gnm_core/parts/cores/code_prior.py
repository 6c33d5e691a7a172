"""The prior of a core that has a code in every cell: p(z_1) p(z_2 | z_1) ..."""

from functools import partial

import torch
from einops import rearrange
from torch import Tensor, nn

from gnm_core.completion import Proposals
from gnm_core.layers.smooth_over_levels import smooth_over_levels
from gnm_core.layers.transformer import Block
from gnm_core.layers.within import SequencePerceptron
from gnm_core.precision import at_least_float32
from gnm_core.quantised_distributions import draw_sequence, nearest


class CodePrior(nn.Module):
    """A causal transformer over the cells, and within each cell a perceptron over the numbers of its code.

    Args:
        cells: L.
        numbers: S, numbers of a cell's code.
        levels: V, levels of a number.
        width: numbers a place of the transformer.
        layers: its blocks.
        heads: its attention heads.
        hidden: hidden units of each number within a cell.
        gated: what the cells before say also scales these units.
        dropout: share of what the blocks say that is dropped while learning.
    """

    def __init__(
        self,
        cells: int,
        numbers: int,
        levels: int,
        *,
        width: int,
        layers: int,
        heads: int,
        hidden: int,
        gated: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.cells, self.numbers, self.levels = cells, numbers, levels
        self.start = nn.Parameter(torch.zeros(width))
        self.place = nn.Parameter(torch.empty(cells, width).normal_(std=0.1))
        self.of_number = nn.Linear(numbers, width)
        smooth = smooth_over_levels(width, numbers, levels=levels, std=0.37 * numbers**-0.5)
        self.of_level = nn.Parameter(rearrange(smooth, "w s v -> (s v) w").contiguous())
        self.blocks = nn.Sequential(*(Block(width, heads, 4, causal=True, dropout=dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.within = SequencePerceptron(width, numbers, levels, hidden, gated=gated)

    def contexts(self, scene: Tensor) -> Tensor:
        """(B, t, S) → (B, t + 1, width): what the codes of the first t cells say about the next, for t = 0 too."""
        offset = torch.arange(self.numbers, device=scene.device) * self.levels
        rows = self.of_level[nearest(scene, self.levels) + offset].sum(-2)
        told = self.of_number(scene) + rows
        told = torch.cat([self.start.expand(len(scene), 1, -1), told], 1) + self.place[: scene.shape[1] + 1]
        contexts: Tensor = self.norm(self.blocks(told))
        return contexts

    def log_masses(self, context: Tensor, code: Tensor) -> Tensor:
        """(..., width), (..., S) → (..., S, V): log-probability of each level of a code's numbers."""
        logits = self.within(context.flatten(0, -2), nearest(code, self.levels).flatten(0, -2))
        return at_least_float32(logits).log_softmax(-1).view(*code.shape, self.levels)

    def forward(self, scene: Tensor) -> Tensor:
        """(B, L, S) → (B, L, S, V): log-probability of each level of each number, given all those before it."""
        return self.log_masses(self.contexts(scene[:, :-1]), scene)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """(n, L, S): codes drawn cell by cell, number by number."""
        scene = self.place.new_zeros(n, 0, self.numbers)
        for _ in range(self.cells):
            given = partial(self.log_masses, self.contexts(scene)[:, -1])
            code = draw_sequence(given, scene.new_zeros(n, self.numbers), self.levels)
            scene = torch.cat([scene, rearrange(code, "b s -> b 1 s")], 1)
        return scene

    @torch.no_grad()
    def sample_around(self, n: int, given: Tensor, kept: Tensor) -> Proposals:
        """Codes in which the kept cells are as given, by a particle filter.

        Cell by cell the others are drawn, and where a kept one is less likely after what was drawn, the code counts for
        less.

        Args:
            n: how many.
            given: (L, S).
            kept: (L,) bool.
        """
        scene = self.place.new_zeros(n, 0, self.numbers)
        weights = self.place.new_zeros(n)
        for cell in range(self.cells):
            masses = partial(self.log_masses, self.contexts(scene)[:, -1])
            if bool(kept[cell]):
                code = given[cell].expand(n, -1)
                level = nearest(code, self.levels)[..., None]
                weights = weights + masses(code).gather(-1, level).flatten(1).sum(1)
                proposals = Proposals(scene, weights)
                if proposals.effective < n / 2:  # go on with what fits
                    chosen = torch.multinomial(weights.softmax(0), n, replacement=True)
                    scene, weights = scene[chosen], torch.zeros_like(weights)
            else:
                code = draw_sequence(masses, scene.new_zeros(n, self.numbers), self.levels)
            scene = torch.cat([scene, rearrange(code, "b s -> b 1 s")], 1)
        return Proposals(scene, weights)
