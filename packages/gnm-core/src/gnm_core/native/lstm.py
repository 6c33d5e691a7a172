"""The cell of an LSTM by `csrc/lstm.c`, with gradients."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.fused.conv_lstm import as_state, gates_and_cell
from gnm_core.layers.convlstm import ConvLSTM, LstmState, lstm_cell
from gnm_core.native.call import LAYERS


def conv_lstm(layer: ConvLSTM, inputs: Sequence[Tensor], state: LstmState) -> LstmState | None:
    """A ConvLSTM's step, its cell in C; None where the numbers are not for C."""
    if not LAYERS.can_take(*inputs, state.hidden, state.cell, *layer.gates.parameters()):
        return None
    gates, cell = gates_and_cell(layer, inputs, state)
    single = gates.dtype == cell.dtype == torch.float32
    fits = cell.numel() and gates.shape == (*cell.shape[:-1], 4 * cell.shape[-1])
    if single and fits:
        made = run_lstm(gates.reshape(-1, gates.shape[-1]), cell.reshape(-1, cell.shape[-1]))
        return as_state(*(x.view(cell.shape) for x in made))
    return as_state(*lstm_cell(gates, cell))


def run_lstm(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The next hidden state and cell.

    Args:
        gates: (N, 4 C): enter, forget, output and candidate, before their activations. Float32, like the cell.
        cell: (N, C).
    """
    hidden, after = _Lstm.apply(gates, cell)
    return hidden, after


class _Lstm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        gates, before = gates.contiguous(), before.contiguous()
        active, hidden, cell = torch.empty_like(gates), torch.empty_like(before), torch.empty_like(before)
        LAYERS.call("lstm_forward", gates, before, active, hidden, cell, *before.shape)
        ctx.save_for_backward(active, before, cell)
        return hidden, cell

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_hidden: Tensor, of_cell: Tensor) -> tuple[Tensor, Tensor]:
        active, before, cell = ctx.saved_tensors
        of_gates, of_before = torch.empty_like(active), torch.empty_like(before)
        of_hidden, of_cell = of_hidden.contiguous(), of_cell.contiguous()
        LAYERS.call("lstm_backward", of_hidden, of_cell, active, before, cell, of_gates, of_before, *before.shape)
        return of_gates, of_before
