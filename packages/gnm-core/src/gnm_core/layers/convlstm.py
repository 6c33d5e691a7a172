"""Convolutional LSTM (Shi et al., 2015, arXiv:1506.04214, without peepholes) with learned initial states."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnm_core import kernels
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
        made: LstmState | None = kernels.run("conv-lstm", self, parts, state)
        if made is not None:
            return made
        gates = self.gates(torch.cat([*parts, state.hidden], dim=1))
        return LstmState(*lstm_cell(at_least_float32(gates), at_least_float32(state.cell), dim=1))


def lstm_cell(gates: Tensor, cell: Tensor, dim: int = -1) -> tuple[Tensor, Tensor]:
    """The next hidden state and cell.

    Args:
        gates: (..., 4 C, ...): enter, forget, output and candidate, before their activations.
        cell: (..., C, ...).
        dim: the axis of the channels.
    """
    enter, forget, output, candidate = gates.chunk(4, dim)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return output.sigmoid() * cell.tanh(), cell
