"""Convolutional LSTM (Shi et al., 2015, arXiv:1506.04214, without peepholes) with learned initial states."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


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

    def forward(self, inputs: Tensor, state: LstmState) -> LstmState:
        """(B, inputs, G, G) and a state → the next state."""
        gates = self.gates(torch.cat([inputs, state.hidden], dim=1))
        enter, forget, output, candidate = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * state.cell + enter.sigmoid() * candidate.tanh()
        return LstmState(output.sigmoid() * cell.tanh(), cell)
