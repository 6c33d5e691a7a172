"""The rest of a scene, given some of its objects: z^g given z^s of a few cells."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from gnm_core.completion import Completion, GeneratesAround, Proposals, around, kept_cells
from gnm_core.editing import whole_number
from gnm_core.gnm.inference import symbols_given
from gnm_core.gnm.where import from_image_frame

if TYPE_CHECKING:
    from gnm_core.gnm.model import GNM
    from gnm_core.results import Scene

AT_ONCE = 256
"""Proposals that are drawn together."""


@torch.no_grad()
def complete(model: "GNM", scene: "Scene", keep: Sequence[int], proposals: int) -> Completion:
    """Sample the other objects given those kept; see `GNM.complete`."""
    whole_number("proposals", proposals, least=1)
    cells = kept_cells(scene, keep)
    weighed = _around(model, scene, cells, proposals)
    generated = model.decode(weighed.drawn())
    return Completion(around(scene, cells, generated), proposals, weighed.effective)


def _around(model: "GNM", scene: "Scene", cells: list[int], n: int) -> Proposals:
    core = model.core
    if isinstance(core, GeneratesAround) and core.steps == model.dims.grid**2:
        code = scene.code if scene.code is not None else model.reconstruct(scene.image).code
        assert code is not None
        kept = torch.zeros(core.steps, dtype=torch.bool)
        kept[cells] = True
        return core.generate_around(n, code[0], kept)
    few = [_weighed(model, scene, cells, min(AT_ONCE, n - start)) for start in range(0, n, AT_ONCE)]
    return Proposals(torch.cat([one.code for one in few]), torch.cat([one.log_weights for one in few]))


def _weighed(model: "GNM", scene: "Scene", cells: list[int], n: int) -> Proposals:
    """Codes from the prior, weighed by how likely each makes the kept cells' symbols."""
    drawing = model.core.generate(n)
    p = symbols_given(model.head, model.core, drawing.feature_map)
    latents = scene.latents
    assert latents is not None
    raw = from_image_frame(latents.where)

    def density(log_prob: Tensor) -> Tensor:
        return log_prob.flatten(1, 2)[:, cells].flatten(1).sum(1)

    weights = density(F.logsigmoid(p.presence.logits))
    for distribution, value in ((p.where, raw), (p.depth, latents.depth), (p.what, latents.what)):
        weights = weights + density(distribution.log_prob(value.expand(n, -1, -1, -1)))
    return Proposals(drawing.scene, weights)
