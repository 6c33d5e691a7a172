"""The painter `tracer`: an analytic ray tracer in numpy, for many rays of an image at once.

* Lamps light each point exactly as if nothing were in the way; rays to points of the lamp tell which share of that
  light arrives, and are cast only where some body may stand between the point and the lamp.
* Light from all around (`bounce`) is dimmed by the bodies that hide it, each taken for a ball of its volume; they
  shine back in their own colour.
* Metal mirrors the scene; each ray through a pixel meets a facet tilted another way, as on a rough surface.
* One ray a pixel suffices where only the room is seen, as it is smooth; where bodies may be seen, a grid of rays.

Every pattern of rays is a fixed function of the pixel, and only sums, products, quotients and roots are taken, in a
fixed order and each rounded to 32 bits: the same room and size give the same bytes, in whatever batch, on however many
threads, and whether compiled (`native/paint.c`) or in numpy, which is the formula.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from gnm_data.arrow_room.look import Camera
from gnm_data.arrow_room.native.call import ROOMS
from gnm_data.arrow_room.native.paint import paint_compiled
from gnm_data.arrow_room.painter import Painter
from gnm_data.arrow_room.rays import through
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.scene import Scene
from gnm_data.arrow_room.visibility import look_in_numpy

CHUNK = 1 << 14
"""Rays that are followed together: few enough to stay in the processor's cache."""


class Tracer(Painter):
    """Paints with a ray tracer of its own: needs nothing; where there is a C compiler, some thousandths of a second.

    Args:
        antialias: side of the grid of rays through each pixel that may show a body.
        shadow: rays to each lamp from where each of them ends, where that lamp may be hidden.
    """

    def __init__(self, *, antialias: Annotated[int, Ge(1), Le(32)] = 3, shadow: Annotated[int, Ge(1), Le(64)] = 4):
        self.antialias = antialias
        self.shadow = shadow

    def paint(self, rooms: Sequence[Room], size: int) -> np.ndarray:
        """→ (B, size, size, 3) uint8 sRGB."""
        if rooms and ROOMS.can_take():
            return paint_compiled(rooms, size, self.antialias, self.shadow, THRESHOLDS)
        return self.paint_in_numpy(rooms, size)

    def paint_in_numpy(self, rooms: Sequence[Room], size: int) -> np.ndarray:
        """The formula of `paint`: the same bytes, slower."""
        pictures = np.empty((len(rooms), size, size, 3), np.uint8)
        for picture, room in zip(pictures, rooms, strict=True):
            picture[:] = self._picture(room, size)
        return pictures

    def _picture(self, room: Room, size: int) -> np.ndarray:
        crowded = _grown(look_in_numpy(room, size).instances > 0)
        scene = Scene(room)
        light = np.empty((3, size * size), np.float32)
        square = self.antialias**2
        self._trace(scene, room.look.camera, light, np.flatnonzero(~crowded), 1, square * self.shadow)
        self._trace(scene, room.look.camera, light, np.flatnonzero(crowded), self.antialias, self.shadow)
        return np.searchsorted(THRESHOLDS, light.T, side="right").astype(np.uint8).reshape(size, size, 3)

    def _trace(self, scene: Scene, camera: Camera, light: np.ndarray, pixels: np.ndarray, grid: int, fan: int) -> None:
        step = max(CHUNK // (grid * grid), 1)
        size = round(light.shape[1] ** 0.5)
        for start in range(0, len(pixels), step):
            some = pixels[start : start + step]
            rays = scene.radiance(through(camera, some, size, grid, fan)).reshape(3, len(some), -1)
            total = rays[:, :, 0].copy()
            for number in range(1, grid * grid):  # in this order, so that all sums are rounded alike
                total += rays[:, :, number]
            light[:, some] = total / np.float32(grid * grid)


def srgb(light: np.ndarray) -> np.ndarray:
    """Linear light → sRGB in [0, 1] (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def _threshold(level: np.ndarray) -> np.ndarray:
    """The least light that is nearer to a level of 255 than to the one below."""
    value = (level - 0.5) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


THRESHOLDS = _threshold(np.arange(1, 256))
"""(255,): light from which on each level of sRGB is reached."""


def _grown(mask: np.ndarray) -> np.ndarray:
    """The mask and the pixels around it."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
