"""Scenes made anew around objects that are kept, and scenes between two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from einops import rearrange
from torch import Tensor

from gnm_core.editing import opened, whole_number
from gnm_core.errors import EditError

if TYPE_CHECKING:
    from gnm_core.results import Scene


@dataclass(frozen=True)
class Completion:
    """A scene with some objects kept and the others sampled given them."""

    scene: "Scene"
    proposals: int
    """Scenes of the prior that were weighed."""
    effective: float
    """Effective sample size of their weights, 1 to `proposals`. Near 1, the best of the proposals was taken, and other
    calls give much the same scene; for a sample of the conditional distribution, it should be some tens."""
    exact: bool = False
    """It is a sample of the conditional distribution itself: in this model the objects do not depend on one another."""


@dataclass(frozen=True)
class Proposals:
    """Scene codes with importance weights."""

    code: Tensor
    """(n, L, S)."""
    log_weights: Tensor
    """(n,): up to a constant, in nats."""

    @property
    def effective(self) -> float:
        """Effective sample size."""
        weights = self.log_weights.double()
        return float((2 * weights.logsumexp(0) - (2 * weights).logsumexp(0)).exp())

    def drawn(self) -> Tensor:
        """(1, L, S): one of them, by its weight."""
        chosen = torch.distributions.Categorical(logits=self.log_weights.double()).sample()
        return self.code[int(chosen)][None]


@runtime_checkable
class CompletesScenes(Protocol):
    """Generates the rest of a scene around objects that are kept."""

    def complete(self, scene: "Scene", keep: Sequence[int]) -> Completion:
        """One scene with some objects kept and the others sampled given them."""


@runtime_checkable
class GeneratesAround(Protocol):
    """A core with a code in every cell, which can draw the cells that are not given."""

    def generate_around(self, n: int, scene: Tensor, kept: Tensor) -> Proposals:
        """`n` codes from the prior with some cells as they are.

        Args:
            n: how many.
            scene: (L, S), of which the kept cells count.
            kept: (L,) bool.
        """


@runtime_checkable
class DecodesCodes(Protocol):
    """Turns a code of the whole scene into the scene."""

    def decode(self, code: Tensor) -> "Scene":
        """(B, L, S), as `Scene.code` has them → the scenes that they stand for."""


def kept_cells(scene: "Scene", keep: Sequence[int]) -> list[int]:
    """The cells of the objects to keep.

    Raises:
        EditError: there is no such object, or this is no single scene with symbols.
    """
    subject = opened(scene)
    return list(dict.fromkeys(subject.cell(number) for number in keep))


def around(scene: "Scene", cells: Sequence[int], generated: "Scene") -> "Scene":
    """A generated scene in which some cells are those of another scene, before the other scene's background."""
    assert scene.objects is not None
    assert scene.latents is not None
    assert generated.objects is not None
    assert generated.latents is not None
    grid = scene.latents.where.shape[1]

    def taken(ours: Tensor, theirs: Tensor) -> Tensor:
        rows = chosen(ours.flatten(1, 2), theirs.flatten(1, 2))
        return rearrange(rows, "b (h w) d -> b h w d", h=grid)

    def chosen(ours: Tensor, theirs: Tensor) -> Tensor:
        rows = theirs.clone()
        rows[:, cells] = ours[:, cells]
        return rows

    symbols, others = scene.latents, generated.latents
    latents = replace(
        others,
        presence=taken(symbols.presence, others.presence),
        where=taken(symbols.where, others.where),
        depth=taken(symbols.depth, others.depth),
        what=taken(symbols.what, others.what),
    )
    names = ("boxes", "confidence", "present", "what", "depth")
    objects = replace(
        generated.objects, **{n: chosen(getattr(scene.objects, n), getattr(generated.objects, n)) for n in names}
    )
    painter = opened(scene).painter
    with torch.no_grad():
        rendering = painter.render(latents, scene.background)
    return replace(
        scene, image=rendering.image.clamp(0, 1), objects=objects, code=None, latents=latents, rendering=rendering
    )


def interpolate(model: object, a: "Scene", b: "Scene", n: int) -> "Scene":
    """`n` scenes on the straight line between the codes of two, both ends included: a batch.

    Raises:
        EditError: the model or a scene has no code of the whole scene, or `n` is below 2.
    """
    whole_number("n", n, least=2)
    if not isinstance(model, DecodesCodes):
        raise EditError(f"{type(model).__name__} has no code of the whole scene to go along")
    for scene in (a, b):
        if len(scene) != 1:
            raise EditError(f"interpolation is between two scenes, and one of them is {len(scene)}; take one: scene[0]")
        if scene.code is None:
            raise EditError("a scene here has no code: it was edited, or its model has none")
    assert a.code is not None
    assert b.code is not None
    shares = torch.linspace(0, 1, n, device=a.code.device)
    with torch.no_grad():
        return model.decode(torch.cat([a.code.lerp(b.code, float(share)) for share in shares]))
