"""Which pixels each body covers: rays through pixel centres, one body after the other."""

from dataclasses import dataclass

import numpy as np

from gnm_data.arrow_room.look import Look
from gnm_data.arrow_room.room import Body, Room
from gnm_data.arrow_room.shapes import place


@dataclass(frozen=True)
class Visibility:
    """Which pixels each body covers, by itself and among the others."""

    instances: np.ndarray
    """(size, size) uint8: 0 room, i + 1 body i."""
    boxes: np.ndarray
    """(N, 4) float32: (x0, y0, x1, y1) around all pixels of each body, hidden ones and those beyond the image too."""
    visible_boxes: np.ndarray
    """(N, 4) float32: around the pixels that can be seen; zeros where none can."""
    area: np.ndarray
    """(N,) int64: pixels of each body, hidden ones and those beyond the image too."""
    visible_area: np.ndarray
    """(N,) int64: pixels that can be seen."""
    distance: np.ndarray
    """(size, size) float32: from the camera to the body seen at each pixel; infinite where the room is seen."""


def window(body: Body, look: Look, size: int) -> tuple[int, int, int, int]:
    """Pixels (x0, y0, x1, y1) that hold the whole body, wherever they lie; at most one image beyond each side."""
    corners = np.concatenate([part.corners() for part in place(body, look.sizes)], axis=1)
    x, y = look.camera.project(corners, size)
    low, high = -size, 2 * size
    return (
        int(np.clip(np.floor(x.min()), low, high)),
        int(np.clip(np.floor(y.min()), low, high)),
        int(np.clip(np.ceil(x.max()), low, high)),
        int(np.clip(np.ceil(y.max()), low, high)),
    )


def look_in_numpy(room: Room, size: int) -> Visibility:
    """Cast one ray through the centre of every pixel that may show a body: the formula, in numpy; see `truth.look`."""
    count, camera = len(room.bodies), room.look.camera
    nearest = np.full((size, size), np.inf, np.float32)
    instances = np.zeros((size, size), np.uint8)
    boxes, visible_boxes = np.zeros((count, 4), np.float32), np.zeros((count, 4), np.float32)
    area = np.zeros(count, np.int64)
    for i, body in enumerate(room.bodies):
        x0, y0, x1, y1 = window(body, room.look, size)
        x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
        direction = camera.rays(x.ravel(), y.ravel(), size)
        parts = place(body, room.look.sizes)
        t = np.minimum.reduce([part.hit(camera.eye, direction) for part in parts]).reshape(x.shape)
        mask = np.isfinite(t)
        area[i] = mask.sum()
        boxes[i] = _box(mask, x0, y0)
        # The part of the window that lies within the image.
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, size), min(y1, size)
        if left < right and top < bottom:
            t = t[top - y0 : bottom - y0, left - x0 : right - x0]
            before = nearest[top:bottom, left:right]
            wins = t < before
            before[wins] = t[wins]
            instances[top:bottom, left:right][wins] = i + 1
    for i in range(count):
        visible_boxes[i] = _box(instances == i + 1, 0, 0)
    visible_area = np.bincount(instances.ravel(), minlength=count + 1)[1:]
    return Visibility(instances, boxes, visible_boxes, area, visible_area, nearest)


def _box(mask: np.ndarray, x0: int, y0: int) -> tuple[float, float, float, float]:
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not columns.size:
        return 0.0, 0.0, 0.0, 0.0
    return float(x0 + columns[0]), float(y0 + rows[0]), float(x0 + columns[-1] + 1), float(y0 + rows[-1] + 1)
