"""Edits of a scene: its objects moved, resized, removed, copied, exchanged. Every edit gives a new scene.

Objects are numbered as `gnm reconstruct` writes them into its JSON: from 0, the surest first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from gnm_core.errors import EditError

if TYPE_CHECKING:
    from gnm_core.latents import SymbolicLatents
    from gnm_core.results import Objects, Rendering, Scene

LARGEST = 10_000.0
"""Pixels of a move, and the factor of a resize, at most."""


@runtime_checkable
class RendersSymbols(Protocol):
    """Paints any symbolic map: what a model must be able to do for its scenes to be edited."""

    def render(self, latents: "SymbolicLatents", background: Tensor | None) -> "Rendering":
        """The picture of a symbolic map."""


@runtime_checkable
class HidesObjects(Protocol):
    """Knows which of two objects hides the other."""

    def in_front(self, depth: Tensor, cell: int, others: Sequence[int]) -> Tensor:
        """(N,) → (N,): depths by which the object of `cell` is before those of `others`.

        Raises:
            EditError: this model's objects hide nothing.
        """


@dataclass(frozen=True)
class Subject:
    """One scene with everything that an edit needs."""

    scene: "Scene"
    objects: "Objects"
    latents: "SymbolicLatents"
    painter: RendersSymbols

    def cell(self, number: int) -> int:
        """The cell of the object of this number: its row in `objects`.

        Raises:
            EditError: there is no such object.
        """
        there = self.objects.order(0)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(there):
            have = f"objects 0 to {len(there) - 1}" if there else "no objects"
            raise EditError(f"there is no object {number}; this scene has {have}")
        return there[number]

    def empty_cell(self) -> int:
        """A cell that holds no object.

        Raises:
            EditError: there is none.
        """
        free: list[int] = (~self.objects.present[0]).nonzero()[:, 0].tolist()
        if not free:
            raise EditError("there is no room for another object: every cell of this scene holds one")
        return free[0]


def order(objects: "Objects", scene: int) -> list[int]:
    """The rows of the objects that are there in one scene, the surest first: what their numbers stand for."""
    there: list[int] = objects.present[scene].nonzero()[:, 0].tolist()
    return sorted(there, key=lambda row: -float(objects.confidence[scene, row]))


def move(scene: "Scene", number: int, dx: float, dy: float) -> "Scene":
    """The object moved by so many pixels, to the right and down."""
    shift = torch.tensor([_finite("dx", dx), _finite("dy", dy)])
    subject = opened(scene)
    cell, size = subject.cell(number), scene.image.shape[-1]
    change = _Change(subject)
    change.where[:, cell, 2:] += shift.to(change.where) * (2 / size)
    change.boxes[:, cell] += torch.cat([shift, shift]).to(change.boxes)
    return change.painted()


def resize(scene: "Scene", number: int, width: float, height: float | None = None) -> "Scene":
    """The object made so many times as wide and as high, about its centre; `height` is `width` if left out."""
    factors = torch.tensor([_positive("width", width), _positive("height", width if height is None else height)])
    subject = opened(scene)
    cell = subject.cell(number)
    change = _Change(subject)
    change.where[:, cell, :2] *= factors.to(change.where)
    corners = change.boxes[:, cell].unflatten(-1, (2, 2))
    centre = corners.mean(1, keepdim=True)
    change.boxes[:, cell] = (centre + (corners - centre) * factors.to(corners)).flatten(1)
    return change.painted()


def remove(scene: "Scene", number: int) -> "Scene":
    """The scene without the object; those after it move up by one number."""
    subject = opened(scene)
    change = _Change(subject)
    change.set_presence(subject.cell(number), there=False)
    return change.painted()


def duplicate(scene: "Scene", number: int, dx: float, dy: float) -> "Scene":
    """The scene with a copy of the object, so many pixels aside, in a cell that was empty. The copy is as sure as it.

    Raises:
        EditError: no cell is empty.
    """
    subject = opened(scene)
    cell = subject.cell(number)
    empty = subject.empty_cell()
    change = _Change(subject)
    change.put(change, cell, empty)
    copied = change.painted()
    return move(copied, order(_objects(copied), 0).index(empty), dx, dy)


def swap(scene: "Scene", number: int, other: int) -> "Scene":
    """Two objects exchange what they look like; their boxes stay."""
    subject = opened(scene)
    one, two = subject.cell(number), subject.cell(other)
    change = _Change(subject)
    change.what[:, [one, two]] = change.what[:, [two, one]]
    return change.painted()


def with_what(scene: "Scene", number: int, other: "int | Tensor") -> "Scene":
    """The object with another appearance: that of another object of the scene, or a code (D,).

    Raises:
        EditError: the code is not (D,), or not finite.
    """
    subject = opened(scene)
    cell = subject.cell(number)
    change = _Change(subject)
    code = change.what[0, subject.cell(other)] if isinstance(other, int) else other
    if code.shape != change.what.shape[2:] or not code.isfinite().all():
        raise EditError(f"an appearance code here is {change.what.shape[2]} finite numbers, not {tuple(code.shape)}")
    change.what[:, cell] = code.to(change.what)
    return change.painted()


def with_depth(scene: "Scene", number: int, depth: float) -> "Scene":
    """The object at another depth; smaller is nearer."""
    subject = opened(scene)
    cell = subject.cell(number)
    change = _Change(subject)
    change.depth[:, cell] = _finite("depth", depth)
    return change.painted()


def paste(scene: "Scene", other: "Scene", number: int) -> "Scene":
    """The scene with an object of another scene of such a model, box and all, in a cell that was empty.

    Raises:
        EditError: no cell is empty, or the other model's codes are of another size.
    """
    subject, source = opened(scene), opened(other)
    if source.latents.what.shape != subject.latents.what.shape:
        raise EditError("the object is of a model with other codes; it cannot be understood here")
    change, cell = _Change(subject), source.cell(number)
    change.put(_Change(source), cell, subject.empty_cell())
    return change.painted()


def to_front(scene: "Scene", number: int) -> "Scene":
    """The object before all others, whose order among themselves stays.

    Raises:
        EditError: none of the model's objects hides another.
    """
    subject = opened(scene)
    painter = subject.painter
    if not isinstance(painter, HidesObjects):
        raise EditError(f"objects of {type(painter).__name__} cannot be brought to the front")
    cell = subject.cell(number)
    change = _Change(subject)
    others = [row for row in subject.objects.order(0) if row != cell]
    change.depth[0, :, 0] = painter.in_front(change.depth[0, :, 0], cell, others)
    return change.painted()


class _Change:
    """A scene's symbols, row by row, to be written into; `painted` gives the scene that they describe."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        latents, objects = subject.latents, subject.objects
        self._grid = latents.where.shape[1:3]
        self.presence, self.where = latents.presence.flatten(1, 2).clone(), latents.where.flatten(1, 2).clone()
        self.depth, self.what = latents.depth.flatten(1, 2).clone(), latents.what.flatten(1, 2).clone()
        self.boxes, self.present = objects.boxes.clone(), objects.present.clone()
        self.confidence = objects.confidence.clone()

    def set_presence(self, cell: int, *, there: bool) -> None:
        """Put an object in or out."""
        self.presence[:, cell], self.present[:, cell] = float(there), there

    def put(self, source: "_Change", cell: int, target: int) -> None:
        """Put all that is known of a cell, of this scene or another, into one of this."""
        for ours, theirs in zip(self._fields(), source._fields(), strict=True):
            ours[:, target] = theirs[:, cell]

    def _fields(self) -> tuple[Tensor, ...]:
        return (self.presence, self.where, self.depth, self.what, self.boxes, self.present, self.confidence)

    @torch.no_grad()
    def painted(self) -> "Scene":
        """The new scene. Its code is gone: it no longer says what is here."""
        subject = self._subject
        fields = {"presence": self.presence, "where": self.where, "depth": self.depth, "what": self.what}
        latents = replace(subject.latents, **{name: x.unflatten(1, self._grid) for name, x in fields.items()})
        rendering = subject.painter.render(latents, subject.scene.background)
        objects = replace(
            subject.objects,
            boxes=self.boxes,
            confidence=self.confidence,
            present=self.present,
            what=self.what,
            depth=self.depth.squeeze(-1),
        )
        return replace(
            subject.scene,
            image=rendering.image.clamp(0, 1),
            objects=objects,
            code=None,
            latents=latents,
            rendering=rendering,
        )


def painter_of(scene: "Scene") -> RendersSymbols:
    """The model that made a scene, which can paint its symbols.

    Raises:
        EditError: it is not known, no longer there, or cannot paint symbols.
    """
    if scene.maker is None:
        raise EditError("this scene does not know the model that made it; say which: scene.by(model)")
    model = scene.maker()
    if model is None:
        raise EditError("the model that made this scene is gone; keep it, or say which: scene.by(model)")
    if not isinstance(model, RendersSymbols):
        raise EditError(f"{type(model).__name__} cannot paint symbols again, so its scenes cannot be edited")
    return model


def opened(scene: "Scene") -> Subject:
    """One scene, ready to be edited.

    Raises:
        EditError: it is more than one, has no symbols, or nobody can paint it again.
    """
    if len(scene) != 1:
        raise EditError(f"an edit is of one scene, and here are {len(scene)}; take one: scene[0]")
    if scene.objects is None or scene.latents is None:
        raise EditError("this scene has no symbols (objects and latents), so there is nothing to edit")
    return Subject(scene, scene.objects, scene.latents, painter_of(scene))


def _objects(scene: "Scene") -> "Objects":
    assert scene.objects is not None
    return scene.objects


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise EditError(f"{name} must be a number of at most {LARGEST:,.0f} pixels, not {value!r}")
    return float(value)


def _positive(name: str, value: float) -> float:
    if not 1 / LARGEST <= value <= LARGEST:
        raise EditError(f"{name} must be a positive factor of at most {LARGEST:,.0f}, not {value!r}")
    return float(value)


def whole_number(name: str, value: int, least: int) -> int:
    """See that a count can be meant.

    Raises:
        EditError: it cannot.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise EditError(f"{name} must be a whole number from {least} to {LARGEST:,.0f}, not {value!r}")
    return value
