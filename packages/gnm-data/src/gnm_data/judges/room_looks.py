"""Looks of rooms to learn from: many cameras, sizes, materials, lamps, so that shapes are learned and no renderer."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from gnm_data.arrow_room.cove import Cove
from gnm_data.arrow_room.look import Camera, Finish, Lamp, Light, Look, Sizes
from gnm_data.arrow_room.looks import LOOKS, PUBLISHED, STUDIO
from gnm_data.judges.canvas import SIDE
from gnm_data.judges.room_views import PAINTED

_WIDE = SIDE / PAINTED
"""The painted rooms show more than a picture does: focal lengths are this much shorter."""
_STUDIOS = 24
"""Kinds of room and light; each costs a tenth of a second."""


def training_look(random: np.random.Generator, own: float) -> Look:
    """One of the data set's own looks, but for how near it is, or a look that no data set has.

    Args:
        random: decides.
        own: share of the data set's own looks.
    """
    if random.random() < own:
        look = LOOKS["published"] if random.random() < 0.7 else LOOKS["studio"]
        focal = look.camera.focal * _WIDE * random.uniform(0.95, 1.25)
        return replace(look, camera=replace(look.camera, focal=focal))
    cove, light = _studio(int(random.integers(_STUDIOS)))
    camera, sizes, finishes = _camera(random), _sizes(random), _finishes(random)
    return replace(STUDIO, camera=camera, sizes=sizes, finishes=finishes, cove=cove, light=light)


def training_lamps(look: Look, random: np.random.Generator) -> tuple[Lamp, ...]:
    """The look's lamps, moved by up to a quarter of their height, grown or shrunk, stronger or weaker."""
    return tuple(
        replace(
            lamp,
            position=tuple(np.add(lamp.position, random.uniform(-0.25, 0.25, 3) * lamp.position[2]).tolist()),
            half=lamp.half * random.uniform(0.6, 1.5),
            power=lamp.power * random.uniform(0.6, 1.4),
        )
        for lamp in look.light.lamps
    )


def _camera(random: np.random.Generator) -> Camera:
    """Looks at the middle of the floor from near or far, low or high, and shows about as much of it."""
    away, height = random.uniform(6.2, 9.5), random.uniform(3.0, 5.4)
    pitch = float(np.degrees(np.arctan2(height - 0.3, away + random.uniform(-0.2, 2.5))))
    nearness = np.hypot(away, height) / np.hypot(*STUDIO.camera.position[1:])
    focal = STUDIO.camera.focal * float(nearness) * random.uniform(0.8, 1.15)
    return replace(STUDIO.camera, position=(random.normal(0, 0.3), -away, height), pitch=pitch, focal=focal)


def _sizes(random: np.random.Generator) -> Sizes:
    bevel = random.uniform(0.03, 0.12) if random.random() < 0.5 else random.uniform(0.08, 0.22)
    length = random.uniform(1.25, 1.9)
    arrow = replace(
        STUDIO.sizes.arrow,
        length=length,
        head_length=length * random.uniform(0.36, 0.6),
        head_width=random.uniform(0.9, 1.35),
        shaft_width=random.uniform(0.36, 0.62),
        thickness=random.uniform(0.24, 0.55),
        bevel=random.uniform(0.02, 0.06),
    )
    return replace(
        STUDIO.sizes,
        sphere=random.uniform(0.55, 0.8),
        cylinder=random.uniform(0.52, 0.78),
        cube=random.uniform(0.48, 0.72),
        bevel=bevel,
        arrow=arrow,
    )


def _finishes(random: np.random.Generator) -> tuple[Finish, Finish]:
    rubber, metal = STUDIO.finishes
    return (
        replace(
            rubber,
            roughness=random.uniform(0.4, 0.9),
            specular=random.uniform(0.15, 0.5),
            brighter=random.uniform(-0.04, 0.06),
        ),
        replace(
            metal,
            roughness=random.uniform(0.08, 0.34),
            brighter=random.uniform(-0.1, 0.16),
            glint=random.uniform(0.05, 0.2),
            shine=random.uniform(0.7, 2.2),
        ),
    )


@lru_cache(maxsize=_STUDIOS)
def _studio(number: int) -> tuple[Cove, Light]:
    """One of a few kinds of room and light, before a lit wall or before one that fades."""
    random, base = np.random.default_rng(number), (STUDIO, PUBLISHED)[number % 2]
    usual, grey = base.light, random.uniform(0.5, 0.92)
    cove = replace(
        base.cove,
        start=random.uniform(5.5, 10.0),
        radius=random.uniform(2.0, 4.5),
        albedo=tuple((grey * random.uniform(0.97, 1.03, 3)).tolist()),
    )
    lamps = tuple(replace(lamp, power=lamp.power * random.uniform(0.5, 1.6)) for lamp in usual.lamps)
    return cove, replace(usual, lamps=lamps, world=usual.world * random.uniform(0.5, 3.0))
