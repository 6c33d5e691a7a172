"""Solids and cameras as rows of numbers, in the order of the structs in `solids.h` and `visibility.h`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gnm_data.arrow_room.look import Camera
from gnm_data.arrow_room.room import Room
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
            colour = room.albedo(body)
            for part in place(body, room.look.sizes):
                before, after = _solid(part.solid)
                where = (*part.centre[:, 0].tolist(), float(part.cos), float(part.sin))
                rows.append((before, owner, *where, *after[:7], *colour, *after[7:]))
        starts.append(len(rows))
    numbers = np.array(rows, np.float32)
    cameras = np.array([_camera(room.look.camera) for room in rooms], np.float64)
    return Parts(numbers, np.array(starts, np.int64), cameras)


def _camera(camera: Camera) -> tuple[float, ...]:
    """`struct camera`."""
    angle = np.radians(camera.pitch)
    return (*camera.position, float(np.cos(angle)), float(np.sin(angle)), camera.focal)


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
