"""The cell of an LSTM by `csrc/lstm.c`, with gradients."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gnm_core.fused.conv_lstm import as_state, gates_and_cell
from gnm_core.layers.convlstm import ConvLSTM, LstmState, lstm_cell
from gnm_core.native.call import LAYERS
from gnm_core.native.operators import OPERATORS


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
    hidden, after, _ = _lstm(gates, cell)
    return hidden, after


Three = tuple[Tensor, Tensor, Tensor]


def _fake(gates: Tensor, cell: Tensor) -> Three:
    """The next hidden state and cell, (N, C), and the gates behind their activations, (N, 4 C)."""
    like = torch.empty_like(cell, memory_format=torch.contiguous_format)
    return like, torch.empty_like(like), torch.empty_like(gates, memory_format=torch.contiguous_format)


def _forward(gates: Tensor, cell: Tensor) -> Three:
    hidden, after, active = _fake(gates, cell)
    LAYERS.call("lstm_forward", gates.contiguous(), cell.contiguous(), active, hidden, after, *cell.shape)
    return hidden, after, active


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Three) -> None:
    ctx.save_for_backward(output[2], inputs[1].contiguous(), output[1])
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, of_hidden: Tensor | None, of_cell: Tensor | None, _: None) -> tuple[Tensor, Tensor]:
    saved = ctx.saved_tensors
    given = (torch.zeros_like(saved[1]) if one is None else one for one in (of_hidden, of_cell))
    made: tuple[Tensor, Tensor] = _lstm_backward(*given, *saved)
    return made


def _fake_backward(
    of_hidden: Tensor, of_cell: Tensor, active: Tensor, before: Tensor, after: Tensor
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(active), torch.empty_like(before)


def _backward(
    of_hidden: Tensor, of_cell: Tensor, active: Tensor, before: Tensor, after: Tensor
) -> tuple[Tensor, Tensor]:
    made = _fake_backward(of_hidden, of_cell, active, before, after)
    given = (of_hidden.contiguous(), of_cell.contiguous(), active, before, after)
    LAYERS.call("lstm_backward", *given, *made, *before.shape)
    return made


_lstm_backward = OPERATORS.define(
    "lstm_cell_backward(Tensor of_hidden, Tensor of_cell, Tensor active, Tensor before, Tensor after)"
    " -> (Tensor, Tensor)",
    _backward,
    _fake_backward,
)
_lstm = OPERATORS.define(
    "lstm_cell(Tensor gates, Tensor cell) -> (Tensor, Tensor, Tensor)",
    _forward,
    _fake,
    keep=_keep,
    backward=_gradients,
)
