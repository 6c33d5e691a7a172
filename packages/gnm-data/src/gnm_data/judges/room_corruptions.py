"""Rooms broken in one way: what the judge of the Arrow Room must reject."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gnm_data.arrow_room.layout import CLEARANCE, pointed_at, recognisable, sample
from gnm_data.arrow_room.look import Look
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.room import SHAPES, Body, Room

Corruption = Callable[[Room, np.random.Generator], Room | None]
_OBJECTS = SHAPES[:3]


def turned(room: Room, random: np.random.Generator) -> Room | None:
    """The arrow points at another object; None where its line meets the wrong one."""
    *objects, arrow = room.bodies
    other = int(random.choice([i for i in range(len(objects)) if i != room.target]))
    angle = float(np.arctan2(objects[other].y - arrow.y, objects[other].x - arrow.x))
    made = replace(room, bodies=(*objects, replace(arrow, angle=angle)))
    return made if pointed_at(made, CLEARANCE) == other else None


def astray(room: Room, random: np.random.Generator) -> Room | None:
    """The arrow points at no object, and not nearly at one."""
    *objects, arrow = room.bodies
    angle = float(random.uniform(-np.pi, np.pi))
    made = replace(room, bodies=(*objects, replace(arrow, angle=angle)))
    return made if pointed_at(made, 1.0) is None else None


def alike(room: Room, random: np.random.Generator) -> Room:
    """All three shapes are the same."""
    return _shaped(room, [str(random.choice(_OBJECTS))] * 3)


def different(room: Room, random: np.random.Generator) -> Room:
    """No two shapes are the same."""
    return _shaped(room, [str(shape) for shape in random.permutation(_OBJECTS)])


def removed(room: Room, random: np.random.Generator) -> Room:
    """One object, or the arrow, is missing."""
    gone = random.integers(len(room.bodies))
    return replace(room, bodies=tuple(body for i, body in enumerate(room.bodies) if i != gone))


def _shaped(room: Room, shapes: list[str]) -> Room:
    *objects, arrow = room.bodies
    made: list[Body] = [replace(body, shape=shape) for body, shape in zip(objects, shapes, strict=True)]
    return replace(room, bodies=(*made, arrow))


KINDS: tuple[Corruption, ...] = (turned, astray, alike, different, removed)
"""Ways to break a room."""


def corrupted(kind: Corruption, split: str, index: int, seed: int = 0, look: Look = STUDIO) -> Room:
    """The room at `index` of a split, broken; of a fixed sequence of rooms the first that can be and still is clear."""
    random = np.random.default_rng((seed, index, KINDS.index(kind)))
    for attempt in range(1000):
        made = kind(sample(seed, split, index + 1_000_000 * attempt, look), random)
        if made is not None and (kind is removed or recognisable(made)):
            return made
    raise RuntimeError(f"room {index} of {split} cannot be broken")
