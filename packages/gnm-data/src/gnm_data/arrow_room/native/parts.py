"""Solids and cameras as rows of numbers, in the order of the structs in `solids.h` and `sight.h`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gnm_data.arrow_room.room import CAMERA, Room, albedo
from gnm_data.arrow_room.shapes import Box, Cylinder, Solid, Sphere, Wedge, place

_KINDS = {Sphere: 0.0, Box: 1.0, Cylinder: 2.0, Wedge: 3.0}


@dataclass(frozen=True)
class Parts:
    """The P solids of B scenes."""

    numbers: np.ndarray
    """(P, words) float32: `struct part`."""
    starts: np.ndarray
    """(B + 1,) int64: where those of each scene begin."""
    cameras: np.ndarray
    """(B, 6) float64: `struct camera`."""


def parts(rooms: Sequence[Room]) -> Parts:
    """What is needed to see what is where."""
    rows, starts = [], [0]
    for room in rooms:
        for owner, body in enumerate(room.bodies):
            colour = albedo(body.colour, room.material)
            for part in place(body):
                before, after = _solid(part.solid)
                where = (*part.centre[:, 0].tolist(), float(part.cos), float(part.sin))
                rows.append((before, owner, *where, *after[:7], *colour, *after[7:]))
        starts.append(len(rows))
    numbers = np.array(rows, np.float32)
    angle = np.radians(CAMERA.pitch)
    camera = (*CAMERA.position, np.cos(angle), np.sin(angle), CAMERA.focal)
    return Parts(numbers, np.array(starts, np.int64), np.tile(np.array(camera, np.float64), (len(rooms), 1)))


@lru_cache(maxsize=1024)
def _solid(solid: Solid) -> tuple[float, tuple[float, ...]]:
    """Kind, and what does not depend on the place: a solid without one of the numbers has zeros."""
    radius, half = solid.radius, solid.half
    core = [extent - radius for extent in half]
    if isinstance(solid, Box):
        core = solid.core[:, 0].tolist()
    extent_square = half[0] ** 2 if isinstance(solid, Sphere | Cylinder) else 0.0
    wedge = solid.numbers() if isinstance(solid, Wedge) else (0.0,) * 10
    after = (radius, *half, solid.bound, solid.bound**2, solid.ball**2, *core, extent_square, *wedge)
    return _KINDS[type(solid)], after
