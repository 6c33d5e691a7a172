"""GNM the plain way: what the benchmark compares it with, beside `gnm_core.kernels.reference`."""

from copy import deepcopy

from gnm_core.contracts import ScenePrior
from gnm_core.gnm.model import GNM
from gnm_core.latents import SymbolicLatents
from gnm_render.renderers import base
from gnm_render.renderers.stn import STNRenderer


def plain(model: GNM) -> GNM:
    """A copy with one canvas per object, all scenes at once, and the priors of a drawing one after the other."""
    copy = deepcopy(model)
    fast = copy.renderer
    copy.renderer = AllAtOnce(copy.dims, glimpse=fast.glimpse, background=fast.background)
    for module in copy.modules():
        if isinstance(module, ScenePrior):
            module.of_steps = ScenePrior.of_steps.__get__(module)
    return copy


class AllAtOnce(STNRenderer):
    """Every object is decoded and painted, absent ones too."""

    def _foreground(self, latents: SymbolicLatents, box_mask: float | None) -> base.Foreground:
        return self.paint(self.decode(base._rows(latents), box_mask))
