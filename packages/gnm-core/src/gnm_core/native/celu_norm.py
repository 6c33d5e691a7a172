"""CELU and layer norm of rows by `csrc/celu_norm.c`, with gradients."""

from typing import Any

import torch
from torch import Tensor

from gnm_core.layers.celu_norm import EPSILON, CeluNorm1d
from gnm_core.native.call import LAYERS
from gnm_core.native.operators import OPERATORS


def celu_norm_1d(layer: CeluNorm1d, x: Tensor) -> Tensor | None:
    """(..., F) → (..., F), of bfloats in float32; None where the numbers are not for C."""
    weight, bias, kinds = layer.weight, layer.bias, (torch.float32, torch.bfloat16)
    single = weight.dtype == bias.dtype == torch.float32 and x.dtype in kinds
    fits = weight.shape == bias.shape == x.shape[-1:] and x.numel()
    if not (single and fits and LAYERS.can_take(x, weight, bias)):
        return None
    return run_celu_norm(x.reshape(-1, x.shape[-1]).float(), weight, bias, EPSILON).view(x.shape)


def run_celu_norm(x: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """CELU, then layer norm over the last axis; keeps the activation alone.

    Args:
        x: (N, F), of 32 bits like the rest.
        scale: (F,).
        shift: (F,).
        epsilon: added to each variance.
    """
    rows: Tensor = _celu_norm(x, scale, shift, epsilon)[0]
    return rows


Rows = tuple[Tensor, Tensor, Tensor, Tensor]
"""The normalised rows and the activation, (N, F); mean and reciprocal standard deviation of each row, (N,)."""


def _fake(x: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Rows:
    like = torch.empty_like(x, memory_format=torch.contiguous_format)
    return like, torch.empty_like(like), x.new_empty(len(x)), x.new_empty(len(x))


def _forward(x: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Rows:
    rows, activation, mean, rstd = made = _fake(x, scale, shift, epsilon)
    given = (x.contiguous(), scale.contiguous(), shift.contiguous())
    LAYERS.call("celu_norm_forward", *given, activation, rows, mean, rstd, *x.shape, epsilon)
    return made


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Rows) -> None:
    ctx.save_for_backward(output[1], inputs[1].contiguous(), *output[2:])
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, gradient: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    if gradient is None:
        return None, None, None, None
    return *_celu_norm_backward(gradient, *ctx.saved_tensors), None


def _fake_backward(
    gradient: Tensor, activation: Tensor, scale: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(activation), torch.empty_like(scale), torch.empty_like(scale)


def _backward(
    gradient: Tensor, activation: Tensor, scale: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    made = _fake_backward(gradient, activation, scale, mean, rstd)
    given = (gradient.contiguous(), activation, scale, mean, rstd)
    LAYERS.call("celu_norm_backward", *given, *made, *activation.shape)
    return made


_celu_norm_backward = OPERATORS.define(
    "celu_norm_backward(Tensor gradient, Tensor activation, Tensor scale, Tensor mean, Tensor rstd)"
    " -> (Tensor, Tensor, Tensor)",
    _backward,
    _fake_backward,
)
_celu_norm = OPERATORS.define(
    "celu_norm(Tensor x, Tensor scale, Tensor shift, float epsilon) -> (Tensor, Tensor, Tensor, Tensor)",
    _forward,
    _fake,
    keep=_keep,
    backward=_gradients,
)
