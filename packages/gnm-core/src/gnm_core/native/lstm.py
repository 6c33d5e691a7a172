"""The cell of an LSTM by `lstm.c`, with gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.call import LAYERS


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
