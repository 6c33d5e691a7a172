"""Rooms painted once, for the Arrow Room network to learn from: any shapes, near and far, crowded, cut by the frame."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np

from gnm_data.arrow_room.layout import NUMBERS, attempt, spaced
from gnm_data.arrow_room.looks import LOOKS, STUDIO
from gnm_data.arrow_room.painter import Painter
from gnm_data.arrow_room.room import COLOURS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.arrow_room.truth import look
from gnm_data.judges.room_looks import training_lamps, training_look
from gnm_data.judges.room_views import PAINTED

_STEP = 0.02
"""An arrow's direction in the picture is that of a step this long on the floor."""


@dataclass(frozen=True)
class PaintedRoom:
    """One room, M bodies, and what is known about them; lengths in pixels of the picture."""

    image: np.ndarray
    """(160, 160, 3) uint8."""
    instances: np.ndarray
    """(160, 160) uint8: 0 room, i + 1 body i."""
    labels: np.ndarray
    """(M,) int64: place in `SHAPES`."""
    materials: np.ndarray
    """(M,) int64: place in `MATERIALS`."""
    areas: np.ndarray
    """(M,) int64: pixels of each body, hidden ones and those beyond the picture too."""
    feet: np.ndarray
    """(M, 2) float64 = (x, y): middle of each body's foot."""
    heading: np.ndarray
    """(M, 2) float64 = (x, y): direction in the picture in which an arrow points, of any length."""


def paint_rooms(
    count: int,
    processes: int = 1,
    seed: int = 77,
    stray: float = 0.4,
    own: float = 0.6,
    report: Callable[[int], None] = lambda done: None,
) -> list[PaintedRoom]:
    """Draw and paint rooms, the same for the same seed.

    Args:
        count: number of rooms.
        processes: that paint at the same time.
        seed: another seed makes other rooms.
        stray: share of arrows that point anywhere; the others point nearly at an object.
        own: share of rooms that have a look of the data set; the others have looks of their own.
        report: called with how many have been painted.
    """
    rooms: list[PaintedRoom] = []
    with ExitStack() as stack:
        each: Iterable[PaintedRoom] = map(partial(paint_room, seed, stray=stray, own=own), range(count))
        if processes > 1:
            pool = stack.enter_context(ProcessPoolExecutor(processes, get_context("spawn")))
            each = pool.map(partial(paint_room, seed, stray=stray, own=own), range(count), chunksize=16)
        for made in each:
            rooms.append(made)
            report(len(rooms))
    return rooms


def paint_room(seed: int, index: int, stray: float = 0.4, own: float = 0.6) -> PaintedRoom:
    """Draw and paint one room; see `paint_rooms`."""
    random = np.random.default_rng((seed, index))
    made, materials = draw(random, stray, own)
    visibility = look(made, PAINTED)
    places = np.array([(body.x, body.y, 0.0) for body in made.bodies])
    steps = _STEP * np.array([(np.cos(body.angle), np.sin(body.angle), 0.0) for body in made.bodies])
    feet, tips = (np.stack(made.look.camera.project(ends.T, PAINTED), 1) for ends in (places, places + steps))
    return PaintedRoom(
        paint(made, materials, Tracer(antialias=3, shadow=2), PAINTED),
        visibility.instances,
        np.array([SHAPES.index(body.shape) for body in made.bodies]),
        np.array([MATERIALS.index(material) for material in materials]),
        visibility.area,
        feet,
        tips - feet,
    )


def draw(random: np.random.Generator, stray: float, own: float) -> tuple[Room, tuple[str, ...]]:
    """A room with one to four objects and, nearly always, one arrow; and the material of each of its bodies."""
    material = str(random.choice(MATERIALS))
    objects, (x, y) = _objects(random)
    target = objects[random.integers(len(objects))]
    angle = np.arctan2(target.y - y, target.x - x) + random.normal(0, 0.04)
    if random.random() < stray:
        angle = random.uniform(-np.pi, np.pi)
    bodies = objects
    if random.random() > 0.05:
        bodies = [*bodies, Body("arrow", _colour(random), x, y, float(angle))]
    if random.random() < 0.02:
        x, y = random.uniform((-2.5, -3.0), (2.5, 3.0))
        bodies = [*bodies, Body("arrow", _colour(random), x, y, random.uniform(-np.pi, np.pi))]
    materials = random.choice(MATERIALS, len(bodies)) if random.random() < 0.15 else [material] * len(bodies)
    appearance = training_look(random, own)
    made = Room(tuple(bodies), material, training_lamps(appearance, random), look=appearance)
    return made, tuple(str(one) for one in materials)


def _objects(random: np.random.Generator) -> tuple[list[Body], tuple[float, float]]:
    """Objects that keep a distance from each other, and a place for the arrow; most threes have an odd one."""
    places, arrow = _usual_places(random) if random.random() < 0.5 else _other_places(random)
    number = len(places)
    shapes = [SHAPES[i] for i in random.integers(0, 3, number)]
    if number == 3 and random.random() < 0.6:
        odd, pair = random.choice(SHAPES[:3], 2, replace=False)
        shapes = [str(pair)] * 3
        shapes[random.integers(3)] = str(odd)
    objects = [
        Body(shape, _colour(random), x, y, _turn(random, x, y))
        for shape, (x, y) in zip(shapes, places.tolist(), strict=True)
    ]
    return objects, (float(arrow[0]), float(arrow[1]))


def _usual_places(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where three objects and the arrow stand in scenes of the data set."""
    look = LOOKS["published"] if random.random() < 0.7 else LOOKS["studio"]
    while True:
        room = attempt(random.random(NUMBERS), look)
        if spaced(room):
            *places, arrow = np.array([(body.x, body.y) for body in room.bodies])
            return np.array(places), arrow


def _other_places(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where any number of objects and an arrow might stand."""
    number = int(random.choice((1, 2, 3, 4), p=(0.06, 0.14, 0.55, 0.25)))
    while True:
        reach, gap, arrow_gap = random.uniform(2.2, 3.6), random.uniform(1.25, 1.7), random.uniform(1.25, 1.9)
        places = random.uniform((-reach, -1.2), (reach, 3.9), (number, 2))
        arrow = random.uniform((-1.9, -3.5), (1.9, -1.0))
        apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(number, 1)]
        if apart.min(initial=np.inf) >= gap and np.linalg.norm(places - arrow, axis=1).min() >= arrow_gap:
            return places, arrow


def _turn(random: np.random.Generator, x: float, y: float) -> float:
    """Angle of an object: three cubes in ten nearly show one face only, which is when they look most like cylinders."""
    if random.random() > 0.3:
        return float(random.uniform(0, np.pi / 2))
    camera_x, camera_y, _ = STUDIO.camera.position
    return float((np.arctan2(camera_y - y, camera_x - x) + random.normal(0, 0.12)) % (np.pi / 2))


def _colour(random: np.random.Generator) -> str:
    return str(random.choice(list(COLOURS)))


def paint(made: Room, materials: tuple[str, ...], painter: Painter, size: int) -> np.ndarray:
    """(size, size, 3) uint8; bodies of the other material are cut out of a picture of a room of that."""
    picture: np.ndarray = painter.paint([made], size)[0]
    if set(materials) - {made.material}:
        other = next(material for material in MATERIALS if material != made.material)
        theirs = [i + 1 for i, material in enumerate(materials) if material == other]
        mask = np.isin(look(made, size).instances, theirs)
        picture = np.where(mask[..., None], painter.paint([replace(made, material=other)], size)[0], picture)
    return picture
