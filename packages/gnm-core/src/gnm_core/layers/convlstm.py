"""Convolutional LSTM (Shi et al., 2015, arXiv:1506.04214, without peepholes) with learned initial states."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.layers.stack import is_plain
from gnm_core.native.call import LAYERS
from gnm_core.native.lstm import run_lstm
from gnm_core.precision import at_least_float32


@dataclass(frozen=True)
class LstmState:
    """State of a ConvLSTM."""

    hidden: Tensor
    """(B, C, G, G)."""
    cell: Tensor
    """(B, C, G, G)."""


class ConvLSTM(nn.Module):
    """One convolution computes all four gates from the input and the hidden state.

    Args:
        inputs: channels of the input.
        channels: C, channels of the state.
        grid: G, side of the state.
        kernel: odd side of the convolution.
    """

    def __init__(self, inputs: int, channels: int, grid: int, kernel: int = 1) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + channels, 4 * channels, kernel, padding=kernel // 2)
        self.initial_hidden = nn.Parameter(torch.zeros(1, channels, grid, grid))
        self.initial_cell = nn.Parameter(torch.zeros(1, channels, grid, grid))

    def initial(self, batch: int) -> LstmState:
        """The learned state before the first step, for `batch` scenes."""
        shape = (batch, -1, -1, -1)
        return LstmState(self.initial_hidden.expand(shape), self.initial_cell.expand(shape))

    def forward(self, inputs: Tensor | Sequence[Tensor], state: LstmState) -> LstmState:
        """(B, inputs, G, G), or the parts of that along its channels, and a state → the next state."""
        parts = [inputs] if isinstance(inputs, Tensor) else inputs
        joint = torch.cat([rearrange(part, "b c h w -> b h w c") for part in (*parts, state.hidden)], dim=-1)
        if self.gates.kernel_size == (1, 1) and is_plain(nn.Conv2d, self.gates):
            # a matrix product asks for no other order of memory
            gates = F.linear(joint, self.gates.weight.flatten(1), self.gates.bias)
        else:
            gates = rearrange(self.gates(rearrange(joint, "b h w c -> b c h w")), "b c h w -> b h w c")
        gates, cell = at_least_float32(gates), at_least_float32(rearrange(state.cell, "b c h w -> b h w c"))
        hidden, cell = _cell(gates, cell)
        return LstmState(rearrange(hidden, "b h w c -> b c h w"), rearrange(cell, "b h w c -> b c h w"))


def _cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 4 C) and (..., C) → the next hidden state and cell."""
    single = gates.dtype == cell.dtype == torch.float32
    fits = cell.numel() and gates.shape == (*cell.shape[:-1], 4 * cell.shape[-1])
    if single and fits and LAYERS.can_take(gates, cell):
        found = run_lstm(gates.reshape(-1, gates.shape[-1]), cell.reshape(-1, cell.shape[-1]))
        hidden, cell = (x.view(cell.shape) for x in found)
        return hidden, cell
    enter, forget, output, candidate = gates.chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return output.sigmoid() * cell.tanh(), cell
