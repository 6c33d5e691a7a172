"""The fast layers written the plain way: what tests compare them with, and what benchmarks measure them against.

`plain(model)` is the same function of the same parameters, computed as the published implementations compute it.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import TypeVar

import torch
from gnm_core.latents import SymbolicLatents
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.subpixel import SubpixelConv
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_baselines.layers.broadcast import BroadcastDecoder
from gnm_baselines.layers.gated import GatedConv, GatedDense, GatedExpand, GatedTransposed
from gnm_baselines.layers.norm_glu import NormGLU
from gnm_baselines.space.foreground import Foreground
from gnm_baselines.space.painting import Painting

M = TypeVar("M", bound=nn.Module)


def plain(model: M) -> M:
    """A copy of a model whose layers are computed the plain way."""
    copy = deepcopy(model)
    for module in copy.modules():
        forward = _PLAIN.get(type(module))
        if forward is not None:
            module.forward = forward.__get__(module)
        if isinstance(module, Foreground):
            module.paint = partial(_paint, module)  # type: ignore[method-assign]
    return copy


def _norm_gate(norm: NormGLU, x: Tensor) -> Tensor:
    learning = norm.training and torch.is_grad_enabled()
    mean, variance, momentum = norm.running_mean, norm.running_var, norm.momentum
    x = F.batch_norm(x, mean, variance, norm.weight, norm.bias, learning, momentum, norm.eps)
    return _gate(x)


def _gate(x: Tensor) -> Tensor:
    value, gate = x.chunk(2, dim=1)
    return value * gate.sigmoid()


def _gated(self: GatedConv | GatedTransposed, x: Tensor) -> Tensor:
    return _norm_gate(self.norm, self.conv(x.contiguous()))


def _dense(self: GatedDense, x: Tensor) -> Tensor:
    return _gate(self.conv(x)).flatten(1)


def _expand(self: GatedExpand, code: Tensor) -> Tensor:
    return _gate(self.conv(code[:, :, None, None]))


def _celu_norm(self: CeluNorm2d, x: Tensor) -> Tensor:
    return F.group_norm(F.celu(x.contiguous()), 1, self.weight, self.bias)


def _paint(self: Foreground, latents: SymbolicLatents) -> Painting:
    alone = self.layers(latents)
    return Painting((alone.shares * alone.images).sum(1), (alone.shares * alone.alphas).sum(1))


def _broadcast(self: BroadcastDecoder, codes: Tensor) -> Tensor:
    side = self.coordinates.shape[-1]
    x = codes[:, :, None, None].expand(-1, -1, side, side)
    x = torch.cat([x, self.coordinates.expand(len(codes), -1, -1, -1)], dim=1).contiguous()
    for conv in self.convs:
        x = F.elu(conv(x))
    pictures: Tensor = self.last(x)
    return pictures.sigmoid()


def _subpixel(self: SubpixelConv, x: Tensor) -> Tensor:
    return F.pixel_shuffle(self.conv(x.contiguous()), self.upscale)


_PLAIN: dict[type, Callable[..., Tensor]] = {
    CeluNorm2d: _celu_norm,
    SubpixelConv: _subpixel,
    GatedConv: _gated,
    GatedTransposed: _gated,
    GatedDense: _dense,
    GatedExpand: _expand,
    BroadcastDecoder: _broadcast,
}
