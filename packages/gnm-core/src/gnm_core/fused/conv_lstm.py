"""A ConvLSTM's step without reordering memory: with a kernel of 1, the convolution is a matrix product."""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.fused.modules import is_plain
from gnm_core.layers.convlstm import ConvLSTM, LstmState, lstm_cell
from gnm_core.precision import at_least_float32


def conv_lstm(layer: ConvLSTM, inputs: Sequence[Tensor], state: LstmState) -> LstmState:
    """The parts of the input along its channels, each (B, ..., G, G), and a state → the next state."""
    hidden, cell = lstm_cell(*gates_and_cell(layer, inputs, state))
    return as_state(hidden, cell)


def gates_and_cell(layer: ConvLSTM, inputs: Sequence[Tensor], state: LstmState) -> tuple[Tensor, Tensor]:
    """(B, G, G, 4 C) before their activations, and (B, G, G, C); at least in float32."""
    joint = torch.cat([rearrange(part, "b c h w -> b h w c") for part in (*inputs, state.hidden)], dim=-1)
    if layer.gates.kernel_size == (1, 1) and is_plain(nn.Conv2d, layer.gates):
        gates = F.linear(joint, layer.gates.weight.flatten(1), layer.gates.bias)
    else:
        gates = rearrange(layer.gates(rearrange(joint, "b h w c -> b c h w")), "b c h w -> b h w c")
    return at_least_float32(gates), at_least_float32(rearrange(state.cell, "b c h w -> b h w c"))


def as_state(hidden: Tensor, cell: Tensor) -> LstmState:
    """(B, G, G, C) each → a state."""
    return LstmState(rearrange(hidden, "b h w c -> b c h w"), rearrange(cell, "b h w c -> b c h w"))
