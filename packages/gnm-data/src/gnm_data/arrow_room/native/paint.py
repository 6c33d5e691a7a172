"""Pictures of rooms by `paint.c`: lamps and settings as rows of numbers, in the order of the structs in `light.h`."""

from collections.abc import Sequence

import numpy as np
import torch

from gnm_data.arrow_room.bounce import ARC, WIDTH
from gnm_data.arrow_room.lamps import SquareLamp
from gnm_data.arrow_room.native.call import ROOMS
from gnm_data.arrow_room.native.parts import parts
from gnm_data.arrow_room.rays import sequence
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.scene import Scene


def paint_compiled(rooms: Sequence[Room], size: int, antialias: int, shadow: int, thresholds: np.ndarray) -> np.ndarray:
    """→ (B, size, size, 3) uint8, on torch's number of threads; rooms have the same number of lamps.

    Args:
        thresholds: (255,) float32, growing: light from which on each level is reached.
    """
    pictures = np.empty((len(rooms), size, size, 3), np.uint8)
    scenes = [Scene(room) for room in rooms]
    solids = parts(rooms)
    settings = np.array([_setting(scene) for scene in scenes], np.float32)
    lamps = np.array([[_lamp(lamp) for lamp in scene.lamps] for scene in scenes], np.float32)
    tables = np.array([scene.bounce.floor.ctypes.data for scene in scenes], np.int64)
    patterns = sequence(antialias**2 * shadow)
    arrays = (solids.cameras, settings, tables, solids.numbers, solids.starts, lamps, patterns, thresholds, pictures)
    ROOMS.call("paint_rooms", *map(torch.from_numpy, arrays), len(rooms), lamps.shape[1], size, antialias, shadow)
    return pictures


def _lamp(lamp: SquareLamp) -> tuple[float, ...]:
    """`struct lamp`."""
    vectors = (lamp.tint, lamp.centre, lamp.across, lamp.up, lamp.ahead, *lamp.nodes())
    return (
        *(number for vector in vectors for number in vector[:, 0].tolist()),
        lamp.half,
        lamp.radiance,
        lamp.half**2 * lamp.radiance,
        lamp.half * 2**0.5,
    )


def _setting(scene: Scene) -> tuple[float, ...]:
    """`struct setting`."""
    coat, cove = scene.coat, scene.cove
    smooth = 1 - coat.roughness
    return (
        *(cove.start, cove.radius, cove.radius**2, cove.wall, cove.height, cove.fade, scene.contact, scene.sky),
        *scene.room[:, 0].tolist(),
        *_ticks(ARC),
        *_ticks(WIDTH),
        *_form(scene.bounce.form),
        *_form(scene.lit),
        *(float(scene.metallic), scene.spread, scene.glint, scene.shine),
        *(coat.straight, 1 - coat.straight, coat.square, 1 - coat.square),
        *(smooth, smooth**2, coat.base, coat.share, coat.lift),
    )


def _ticks(ticks: np.ndarray) -> tuple[float, float, float]:
    """First, pace, and the greatest number of steps to a tick that has a next one."""
    return float(ticks[0]), float(ticks[1] - ticks[0]), len(ticks) - 1 - 1e-4


def _form(form: np.ndarray) -> tuple[float, ...]:
    rows = form.tolist()
    return tuple(rows[i][j] * (1 if i == j else 2) for i in range(4) for j in range(i, 4))
