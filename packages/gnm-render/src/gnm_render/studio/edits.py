"""The page's edits, by the scene's own."""

import torch
from gnm_core.errors import EditError
from gnm_core.results import Scene

from gnm_render.studio import requests as asked
from gnm_render.studio.models import Loaded
from gnm_render.studio.scenes import Scenes

LEAST = 0.5
"""Least side of a box, in pixels."""


@torch.no_grad()
def edited(scene: Scene, edit: asked.AnyEdit, loaded: Loaded, scenes: Scenes) -> Scene:
    """The scene after an edit.

    Raises:
        EditError: it cannot be made.
    """
    changed = _plain(scene, edit)
    if changed is not None:
        return changed
    match edit:
        case asked.Paste(source=source, number=number):
            return scene.paste(scenes.get(source).scene, number)
        case asked.Appearance(number=number, amounts=amounts):
            directions = loaded.directions
            if directions is None or len(amounts) != len(directions.basis):
                raise EditError("this model's appearances have no such directions")
            return scene.with_what(number, directions.moved(what_of(scene, number), torch.tensor(amounts)))
    raise EditError(f"there is no edit '{edit.do}'")


def _plain(scene: Scene, edit: asked.AnyEdit) -> Scene | None:
    """The edits that need the scene alone; None for the others."""
    changed = None
    match edit:
        case asked.Box(number=number, box=box):
            changed = boxed(scene, number, box)
        case asked.Remove(number=number):
            changed = scene.remove(number)
        case asked.Duplicate(number=number, dx=dx, dy=dy):
            changed = scene.duplicate(number, dx, dy)
        case asked.Swap(number=number, other=other):
            changed = scene.swap(number, other)
        case asked.Front(number=number):
            changed = scene.to_front(number)
        case asked.Depth(number=number, depth=depth):
            changed = scene.with_depth(number, depth)
    return changed


def what_of(scene: Scene, number: int) -> torch.Tensor:
    """(D,): the appearance code of an object.

    Raises:
        EditError: there is no such object.
    """
    if scene.objects is None:
        raise EditError("this scene has no objects")
    there = scene.objects.order(0)
    if number >= len(there):
        raise EditError(f"there is no object {number}; this scene has {len(there)}")
    return scene.objects.what[0, there[number]]


def boxed(scene: Scene, number: int, box: tuple[float, float, float, float]) -> Scene:
    """The object stretched and moved so that its box is this one.

    Raises:
        EditError: there is no such object, or the box is thinner than half a pixel.
    """
    what_of(scene, number)  # says if there is none
    assert scene.objects is not None
    old = scene.objects.boxes[0, scene.objects.order(0)[number]].tolist()
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) < LEAST:
        raise EditError(f"a box is {LEAST} pixels wide and high at least")
    factors = width / max(old[2] - old[0], 1e-3), height / max(old[3] - old[1], 1e-3)
    stretched = scene if max(abs(factor - 1) for factor in factors) < 1e-4 else scene.resize(number, *factors)
    dx, dy = ((box[i] + box[i + 2] - old[i] - old[i + 2]) / 2 for i in (0, 1))
    return stretched.move(number, dx, dy)
