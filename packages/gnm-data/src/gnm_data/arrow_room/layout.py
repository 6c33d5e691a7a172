"""Draws Arrow Room scenes: a pure function of (seed, split, index).

The rule (GNM, figures of the Arrow Room): of three objects exactly two share a shape, and the arrow in front of them
points at the odd one. All four are of one material; colours are free.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from gnm_data.arrow_room.look import Lamp, Light, Look, Sizes
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.room import COLOURS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.truth import look_at
from gnm_data.scenes.randomness import Randomness

ATTEMPTS = 200
"""Scenes tried for one index. Four in five pass, so that none of them does has a probability below 1e-130."""
CLEARANCE = STUDIO.places.clearance
VISIBILITY_SIDE = 64
"""Side, in pixels, of the image in which visible areas are counted, whatever size is painted."""

_OBJECTS = SHAPES[:3]
NUMBERS = 29
"""Random numbers that one attempt takes at most."""

T = TypeVar("T")


def sample(seed: int, split: str, index: int, look: Look = STUDIO) -> Room:
    """The scene at `index`: the first of a fixed sequence of attempts that is neither crowded nor ambiguous."""
    random = Randomness("arrow-room", seed, split)
    image = np.array([index])
    for number in range(ATTEMPTS):
        bits = random.bits(image, number, NUMBERS)[0]
        room = attempt((bits >> np.uint64(11)) * 2.0**-53, look)
        if spaced(room) and pointed_at(room, look.places.clearance) == room.target and recognisable(room):
            return room
    raise RuntimeError(f"no scene in {ATTEMPTS} attempts: seed {seed}, split {split}, index {index}")


def attempt(numbers: np.ndarray, look: Look = STUDIO) -> Room:
    """A scene that obeys the rule, but may be crowded or ambiguous, from uniform random numbers in [0, 1)."""
    draw, places, light = iter(numbers.tolist()), look.places, look.light
    odd = _one_of(draw, _OBJECTS)
    pair = _one_of(draw, [shape for shape in _OBJECTS if shape != odd])
    target = _one_of(draw, range(3))
    shapes = [odd if i == target else pair for i in range(3)]
    objects = []
    for shape, slot in zip(shapes, places.slots, strict=True):
        colour = _one_of(draw, list(COLOURS))
        x, y = _within(draw, slot, places.aside, places.away, places.turn)
        angle = _between(draw, 0, np.pi / 2) if shape == "cube" else 0.0
        objects.append(Body(shape, colour, x, y, angle))
    colour = _one_of(draw, list(COLOURS))
    x, y = _within(draw, places.arrow_slot, places.arrow_aside, places.arrow_away, places.turn)
    angle = float(np.arctan2(objects[target].y - y, objects[target].x - x))
    return Room(
        bodies=(*objects, Body("arrow", colour, x, y, angle)),
        material=_one_of(draw, MATERIALS),
        lamps=tuple(_jittered(draw, lamp, light, key=i == 0) for i, lamp in enumerate(light.lamps)),
        target=target,
        look=look,
    )


def spaced(room: Room) -> bool:
    """No two bodies are too near."""
    *objects, arrow = room.bodies
    gaps = room.look.places
    places = np.array([(body.x, body.y) for body in objects])
    apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(len(objects), 1)]
    away = np.linalg.norm(places - (arrow.x, arrow.y), axis=-1)
    return bool(apart.min() > gaps.object_gap and away.min() > gaps.arrow_gap)


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
        reach = clearance + _around(body, room.look.sizes)
        if ahead > 0 and abs(aside) < reach:
            enters = ahead - np.sqrt(reach**2 - aside**2)
            if enters < nearest:
                first, nearest = i, enters
    return first


def recognisable(room: Room) -> bool:
    """Enough of every object, and nearly all of the arrow, can be seen."""
    visibility, places = look_at([room], VISIBILITY_SIDE)[0], room.look.places
    share = visibility.visible_area / np.maximum(visibility.area, 1)
    return bool(share[:-1].min() >= places.object_share and share[-1] >= places.arrow_share)


def _around(body: Body, sizes: Sizes) -> float:
    """Radius of the circle that holds a footprint."""
    return sizes.cube * 2**0.5 if body.shape == "cube" else getattr(sizes, body.shape)


def _one_of(draw: Iterator[float], options: Sequence[T]) -> T:
    return options[int(next(draw) * len(options))]


def _between(draw: Iterator[float], low: float, high: float) -> float:
    return low + (high - low) * next(draw)


def _within(
    draw: Iterator[float],
    slot: tuple[float, float],
    aside: tuple[float, float],
    away: tuple[float, float],
    turn: float,
) -> tuple[float, float]:
    """A place in a rectangle whose axes are turned."""
    u, v = _between(draw, *aside), _between(draw, *away)
    cos, sin = (1.0, 0.0) if turn == 0 else (np.cos(np.radians(turn)), np.sin(np.radians(turn)))
    return float(slot[0] + cos * u - sin * v), float(slot[1] + sin * u + cos * v)


def _jittered(draw: Iterator[float], lamp: Lamp, light: Light, *, key: bool) -> Lamp:
    x, y, z = (p + _between(draw, -light.jitter, light.jitter) for p in lamp.position)
    power = lamp.power * (1 + _between(draw, 0, light.stronger)) if key else lamp.power
    return Lamp((x, y, z), lamp.half, power, lamp.aim, lamp.tint)
