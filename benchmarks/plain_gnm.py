"""GNM's fast layers written the plain way: what the tests and the benchmark compare them with."""

from collections.abc import Callable, Sequence

import torch
from einops import rearrange
from gnm_baselines.plain import plain as layer_by_layer
from gnm_core.contracts import ScenePrior
from gnm_core.distributions import bernoulli, normal
from gnm_core.gnm.model import GNM
from gnm_core.gnm.structure_head import StructureHead
from gnm_core.latents import SymbolicDistribution, SymbolicLatents
from gnm_core.layers.celu_norm import CeluNorm1d
from gnm_core.layers.convlstm import ConvLSTM, LstmState
from gnm_core.parts.encoders.conv import ConvEncoder
from gnm_core.parts.priors.autoregressive import AutoregressivePrior
from gnm_render.renderers import base
from gnm_render.renderers.stn import STNRenderer
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F


def plain(model: GNM) -> GNM:
    """A copy that computes the same function as published: layer by layer, one canvas per object, all at once."""
    copy = layer_by_layer(model)
    fast = copy.renderer
    copy.renderer = STNRenderer(copy.dims, glimpse=fast.glimpse, background=fast.background)
    copy.renderer._foreground = _all_at_once.__get__(copy.renderer)
    for module in copy.modules():
        forward = _PLAIN.get(type(module))
        if forward is not None:
            module.forward = forward.__get__(module)
        if isinstance(module, ScenePrior):
            module.of_steps = ScenePrior.of_steps.__get__(module)
    return copy


def _all_at_once(self: STNRenderer, latents: SymbolicLatents, box_mask: float | None) -> base.Foreground:
    return self.paint(self.decode(base._rows(latents), box_mask))


def _celu_norm_1d(self: CeluNorm1d, x: Tensor) -> Tensor:
    return F.layer_norm(F.celu(x), self.weight.shape, self.weight, self.bias)


def _encode(self: ConvEncoder, image: Tensor) -> Tensor:
    return self.layers(image)


def _lstm(self: ConvLSTM, inputs: Sequence[Tensor], state: LstmState) -> LstmState:
    gates = self.gates(torch.cat([*inputs, state.hidden], dim=1))
    enter, forget, output, candidate = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * state.cell + enter.sigmoid() * candidate.tanh()
    return LstmState(output.sigmoid() * cell.tanh(), cell)


def _head(self: StructureHead, feature_map: Tensor) -> SymbolicDistribution:
    trunk = self.trunk(feature_map)

    def two(head: nn.Module) -> tuple[Tensor, Tensor]:
        mean, raw_std = rearrange(head(trunk), "b (two d) h w -> two b h w d", two=2)
        return mean, raw_std

    logits = rearrange(self.presence(trunk), "b 1 h w -> b h w 1")
    return SymbolicDistribution(
        presence=bernoulli(self.presence_scale * logits.tanh()),
        where=normal(*two(self.where)),
        depth=normal(*two(self.depth)),
        what=normal(*two(self.what)),
    )


def _prior(self: AutoregressivePrior, hidden: Tensor) -> Distribution:
    return normal(*self.net(rearrange(hidden, "b e h w -> b (h w e)")).chunk(2, dim=1))


_PLAIN: dict[type, Callable[..., object]] = {
    CeluNorm1d: _celu_norm_1d,
    ConvEncoder: _encode,
    ConvLSTM: _lstm,
    StructureHead: _head,
    AutoregressivePrior: _prior,
}
