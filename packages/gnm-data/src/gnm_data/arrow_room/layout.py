"""Draws Arrow Room scenes: a pure function of (seed, split, index).

The rule (GNM, figures of the Arrow Room): of three objects exactly two share a shape, and the arrow in front of them
points at the odd one. All four are of one material; colours are free.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from gnm_data.arrow_room.room import COLOURS, CUBE_HALF, LAMPS, MATERIALS, RADIUS, SHAPES, Body, Lamp, Room
from gnm_data.arrow_room.truth import look
from gnm_data.scenes.randomness import Randomness

ATTEMPTS = 200
"""Scenes tried for one index. Four in five pass, so that none of them does has a probability below 1e-130."""
OBJECT_GAP = 1.7
"""Least distance between the middles of two objects."""
ARROW_GAP = 1.9
"""Least distance between the middle of the arrow and that of an object."""
CLEARANCE = 0.1
"""How far the arrow's line stays from any object that comes before its target."""
SIGHT = 64
"""Side, in pixels, of the image in which visible areas are counted, whatever size is painted."""
OBJECT_SHARE, ARROW_SHARE = 0.5, 0.9
"""Least share of an object and of the arrow that can be seen, else its shape might be anyone's guess."""

_OBJECTS = SHAPES[:3]
_SLOTS = ((-2.0, 0.4), (0.0, 2.2), (2.0, 0.4))
_LAMP_JITTER = 0.5
_NUMBERS = 29
"""Random numbers that one attempt takes at most."""

T = TypeVar("T")


def sample(seed: int, split: str, index: int) -> Room:
    """The scene at `index`: the first of a fixed sequence of attempts that is neither crowded nor ambiguous."""
    random = Randomness("arrow-room", seed, split)
    image = np.array([index])
    for number in range(ATTEMPTS):
        bits = random.bits(image, number, _NUMBERS)[0]
        room = attempt((bits >> np.uint64(11)) * 2.0**-53)
        if spaced(room) and pointed_at(room, CLEARANCE) == room.target and recognisable(room):
            return room
    raise RuntimeError(f"no scene in {ATTEMPTS} attempts: seed {seed}, split {split}, index {index}")


def attempt(numbers: np.ndarray) -> Room:
    """A scene that obeys the rule, but may be crowded or ambiguous, from uniform random numbers in [0, 1)."""
    draw = iter(numbers.tolist())
    odd = _one_of(draw, _OBJECTS)
    pair = _one_of(draw, [shape for shape in _OBJECTS if shape != odd])
    target = _one_of(draw, range(3))
    shapes = [odd if i == target else pair for i in range(3)]
    objects = [
        Body(
            shape,
            _one_of(draw, list(COLOURS)),
            x=x + _between(draw, -0.6, 0.6),
            y=y + _between(draw, -1.1, 1.3),
            angle=_between(draw, 0, np.pi / 2) if shape == "cube" else 0.0,
        )
        for shape, (x, y) in zip(shapes, _SLOTS, strict=True)
    ]
    colour = _one_of(draw, list(COLOURS))
    x, y = _between(draw, -1.2, 1.2), _between(draw, -3.0, -1.6)
    angle = float(np.arctan2(objects[target].y - y, objects[target].x - x))
    return Room(
        bodies=(*objects, Body("arrow", colour, x, y, angle)),
        material=_one_of(draw, MATERIALS),
        lamps=tuple(_jittered(draw, lamp, stronger=0.1 if i == 0 else 0.0) for i, lamp in enumerate(LAMPS)),
        target=target,
    )


def spaced(room: Room) -> bool:
    """No two bodies are too near."""
    *objects, arrow = room.bodies
    places = np.array([(body.x, body.y) for body in objects])
    apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(len(objects), 1)]
    away = np.linalg.norm(places - (arrow.x, arrow.y), axis=-1)
    return bool(apart.min() > OBJECT_GAP and away.min() > ARROW_GAP)


def pointed_at(room: Room, clearance: float = 0.0) -> int | None:
    """Index of the first object that the arrow's line meets, with that much room to both sides; None if it meets none.

    Objects count as the circles that hold their footprints.
    """
    *objects, arrow = room.bodies
    along, across = np.cos(arrow.angle), np.sin(arrow.angle)
    first, nearest = None, np.inf
    for i, body in enumerate(objects):
        dx, dy = body.x - arrow.x, body.y - arrow.y
        ahead, aside = dx * along + dy * across, dy * along - dx * across
        reach = clearance + (CUBE_HALF * 2**0.5 if body.shape == "cube" else RADIUS)
        if ahead > 0 and abs(aside) < reach:
            enters = ahead - np.sqrt(reach**2 - aside**2)
            if enters < nearest:
                first, nearest = i, enters
    return first


def recognisable(room: Room) -> bool:
    """Enough of every object, and nearly all of the arrow, can be seen."""
    sight = look(room, SIGHT)
    share = sight.visible_area / np.maximum(sight.area, 1)
    return bool(share[:-1].min() >= OBJECT_SHARE and share[-1] >= ARROW_SHARE)


def _one_of(draw: Iterator[float], options: Sequence[T]) -> T:
    return options[int(next(draw) * len(options))]


def _between(draw: Iterator[float], low: float, high: float) -> float:
    return low + (high - low) * next(draw)


def _jittered(draw: Iterator[float], lamp: Lamp, stronger: float) -> Lamp:
    x, y, z = (p + _between(draw, -_LAMP_JITTER, _LAMP_JITTER) for p in lamp.position)
    power = lamp.power * (1 + _between(draw, 0, stronger)) if stronger else lamp.power
    return Lamp((x, y, z), lamp.half, power, lamp.aim)
