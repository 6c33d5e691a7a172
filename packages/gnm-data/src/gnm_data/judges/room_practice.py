"""Pictures that the Arrow Room network learns from: rooms that obey the rule and rooms that do not."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from torch import Tensor

from gnm_data.arrow_room.layout import sample, spaced
from gnm_data.arrow_room.room import CAMERA, COLOURS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.arrow_room.truth import look
from gnm_data.judges.canvas import SIDE, scale
from gnm_data.judges.distort import blur, noise

_VISIBLE = 0.4
"""Least share of an object that can be seen, else it is left out of the practice."""


@dataclass(frozen=True)
class RoomPractice:
    """B pictures and the M bodies in them that can be seen."""

    image: Tensor
    """(B, 3, 128, 128) in [0, 1]."""
    scene: Tensor
    """(M,) int64: the picture that each body is in."""
    labels: Tensor
    """(M,) int64: place in `SHAPES`."""
    materials: Tensor
    """(M,) int64: place in `MATERIALS`."""
    feet: Tensor
    """(M, 2) = (x, y): where the middle of the body's foot is in the picture, in 128ths of it."""
    ways: Tensor
    """(M, 2): unit vector on the floor, to the right and away, along which an arrow points."""


def room(seed: int, index: int) -> tuple[Room, tuple[str, ...]]:
    """A room with any shapes and any arrow, and the material of each of its bodies.

    Two in five are rooms of the data set, except that the arrow may be turned.
    """
    random = np.random.default_rng((seed, index))
    made = sample(seed, "train", index)
    *objects, arrow = made.bodies
    if random.random() < 0.6:
        objects = [replace(body, shape=str(random.choice(SHAPES[:3]))) for body in objects]
        number = random.choice((1, 2, 3, 4), p=(0.05, 0.15, 0.6, 0.2))
        objects = objects[:number]
        while len(objects) < number:
            more = Body("sphere", "red", *random.uniform((-2.8, -1.0), (2.8, 3.5)))
            if spaced(replace(made, bodies=(*objects, more, arrow))):
                objects.append(replace(more, shape=str(random.choice(SHAPES[:3]))))
        objects = [replace(body, angle=random.uniform(0, np.pi / 2)) for body in objects]
    colours = random.choice(list(COLOURS), 5)
    objects = [replace(body, colour=str(colour)) for body, colour in zip(objects, colours[1:], strict=False)]
    if random.random() < 0.7:
        aim = objects[random.integers(len(objects))]
        angle = np.arctan2(aim.y - arrow.y, aim.x - arrow.x) + random.normal(0, 0.03)
    else:
        angle = random.uniform(-np.pi, np.pi)
    bodies = [*objects, replace(arrow, angle=float(angle), colour=str(colours[0]))]
    if random.random() < 0.05:
        bodies.pop()
    own = random.choice(MATERIALS, len(bodies)) if random.random() < 0.25 else [made.material] * len(bodies)
    return replace(made, bodies=tuple(bodies)), tuple(str(material) for material in own)


def paint(made: Room, materials: tuple[str, ...], painter: Tracer, size: int) -> np.ndarray:
    """(size, size, 3) uint8; bodies of the other material are cut out of a picture of a room of that."""
    picture: np.ndarray = painter.paint([made], size)[0]
    if set(materials) - {made.material}:
        other = next(material for material in MATERIALS if material != made.material)
        theirs = [i + 1 for i, material in enumerate(materials) if material == other]
        mask = np.isin(look(made, size).instances, theirs)
        picture = np.where(mask[..., None], painter.paint([replace(made, material=other)], size)[0], picture)
    return picture


@dataclass(frozen=True)
class _Painted:
    """One room and what is in it; M bodies that can be seen, as in `RoomPractice`."""

    image: np.ndarray
    """(128, 128, 3) uint8."""
    labels: list[int]
    materials: list[int]
    feet: list[tuple[float, float]]
    ways: list[tuple[float, float]]


def _painted(seed: int, index: int) -> _Painted:
    """Make and paint one room."""
    made, own = room(seed, index)
    sight = look(made, SIDE)
    x, y = CAMERA.project(np.array([(body.x, body.y, 0.0) for body in made.bodies]).T, SIDE)
    seen = np.flatnonzero(sight.visible_area >= _VISIBLE * np.maximum(sight.area, 1))
    bodies = [made.bodies[i] for i in seen]
    return _Painted(
        paint(made, own, Tracer(antialias=2, shadow=2), SIDE),
        [SHAPES.index(body.shape) for body in bodies],
        [MATERIALS.index(own[i]) for i in seen],
        [(float(x[i]), float(y[i])) for i in seen],
        [(float(np.cos(body.angle)), float(np.sin(body.angle))) for body in bodies],
    )


class RoomBank:
    """Rooms painted once, out of which practice is drawn: mirrored, recoloured, blurred, noisy.

    Args:
        count: number of rooms; batches of practice take no more.
        processes: that paint at the same time.
        seed: another seed makes other rooms.
        report: told how many have been painted.
    """

    def __init__(
        self,
        count: int,
        processes: int = 1,
        seed: int = 1_000_003,
        report: Callable[[int], None] = lambda done: None,
    ) -> None:
        rooms = []
        with ExitStack() as stack:
            each: Iterable[_Painted] = map(partial(_painted, seed), range(count))
            if processes > 1:
                pool = stack.enter_context(ProcessPoolExecutor(processes, get_context("spawn")))
                each = pool.map(partial(_painted, seed), range(count), chunksize=16)
            for made in each:
                rooms.append(made)
                report(len(rooms))
        self._images = np.stack([made.image for made in rooms])
        self._scene = np.repeat(np.arange(count), [len(made.labels) for made in rooms])
        self._labels = torch.tensor([label for made in rooms for label in made.labels])
        self._materials = torch.tensor([material for made in rooms for material in made.materials])
        self._feet = torch.tensor([foot for made in rooms for foot in made.feet])
        self._ways = torch.tensor([way for made in rooms for way in made.ways])

    def make(self, count: int, seed: int) -> RoomPractice:
        """`count` pictures, the same for the same seed."""
        random = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(seed)
        chosen = random.choice(len(self._images), count, replace=False)
        image = torch.from_numpy(self._images[chosen]).permute(0, 3, 1, 2).float() / 255
        place = np.full(len(self._images), -1)
        place[chosen] = np.arange(count)
        mine = torch.from_numpy((place[self._scene] >= 0).nonzero()[0])
        scene = torch.from_numpy(place[self._scene])[mine]
        feet, ways = self._feet[mine].clone(), self._ways[mine].clone()
        mirrored = torch.from_numpy(random.random(count) < 0.5)
        image[mirrored] = image[mirrored].flip(-1)
        feet[:, 0] = torch.where(mirrored[scene], SIDE - feet[:, 0], feet[:, 0])
        ways[:, 0] = torch.where(mirrored[scene], -ways[:, 0], ways[:, 0])
        return RoomPractice(
            _distorted(image, random, generator), scene, self._labels[mine], self._materials[mine], feet, ways
        )


def _distorted(image: Tensor, random: np.random.Generator, generator: torch.Generator) -> Tensor:
    """Colours, light, blur and noise, each in some of the pictures."""
    count = len(image)

    def sometimes(chance: float, low: float, high: float) -> Tensor:
        return torch.from_numpy((random.random(count) < chance) * random.uniform(low, high, count)).float()

    channels = torch.from_numpy(np.stack([random.permutation(3) for _ in range(count)]))
    image = image[torch.arange(count)[:, None], channels]
    image = image ** (1 + sometimes(0.5, -0.25, 0.35))[:, None, None, None]
    image = image * (1 - sometimes(0.5, -0.1, 0.2))[:, None, None, None]
    image = image.clamp(0, 1)
    coarse = torch.from_numpy(random.random(count) < 0.35)
    image[coarse] = scale(scale(image[coarse], SIDE // 2), SIDE)
    image = blur(image, sometimes(0.4, 0.0, 2.5))
    return noise(image, sometimes(0.4, 0.0, 0.15), generator)
