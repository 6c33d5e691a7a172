"""GNM's fast layers written the plain way: what the tests and the benchmark compare them with."""

from collections.abc import Callable

from gnm_baselines.plain import plain as layer_by_layer
from gnm_core.gnm.model import GNM
from gnm_core.latents import SymbolicLatents
from gnm_core.layers.celu_norm import CeluNorm1d
from gnm_core.parts.encoders.conv import ConvEncoder
from gnm_render.renderers import base
from gnm_render.renderers.stn import STNRenderer
from torch import Tensor
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
    return copy


def _all_at_once(self: STNRenderer, latents: SymbolicLatents, box_mask: float | None) -> base.Foreground:
    return self.paint(self.decode(base._rows(latents), box_mask))


def _celu_norm_1d(self: CeluNorm1d, x: Tensor) -> Tensor:
    return F.layer_norm(F.celu(x), self.weight.shape, self.weight, self.bias)


def _encode(self: ConvEncoder, image: Tensor) -> Tensor:
    return self.layers(image)


_PLAIN: dict[type, Callable[..., Tensor]] = {
    CeluNorm1d: _celu_norm_1d,
    ConvEncoder: _encode,
}
