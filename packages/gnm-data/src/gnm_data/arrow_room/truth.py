"""Ground truth from rays through pixel centres. What an image is painted with never decides what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from gnm_core.results import Truth

from gnm_data.arrow_room.room import BODIES, CAMERA, COLOURS, LAMPS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.shapes import place

EYE = np.array(CAMERA.position, np.float32)[:, None]


@dataclass(frozen=True)
class Sight:
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


def window(body: Body, size: int) -> tuple[int, int, int, int]:
    """Pixels (x0, y0, x1, y1) that hold the whole body, wherever they lie; at most one image beyond each side."""
    x, y = CAMERA.project(np.concatenate([part.corners() for part in place(body)], axis=1), size)
    low, high = -size, 2 * size
    return (
        int(np.clip(np.floor(x.min()), low, high)),
        int(np.clip(np.floor(y.min()), low, high)),
        int(np.clip(np.ceil(x.max()), low, high)),
        int(np.clip(np.ceil(y.max()), low, high)),
    )


def look(room: Room, size: int) -> Sight:
    """Cast one ray through the centre of every pixel that may show a body."""
    count = len(room.bodies)
    nearest = np.full((size, size), np.inf, np.float32)
    instances = np.zeros((size, size), np.uint8)
    boxes, visible_boxes = np.zeros((count, 4), np.float32), np.zeros((count, 4), np.float32)
    area = np.zeros(count, np.int64)
    for i, body in enumerate(room.bodies):
        x0, y0, x1, y1 = window(body, size)
        x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
        direction = CAMERA.rays(x.ravel(), y.ravel(), size)
        t = np.minimum.reduce([part.hit(EYE, direction) for part in place(body)]).reshape(x.shape)
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
    return Sight(instances, boxes, visible_boxes, area, visible_area, nearest)


def _box(mask: np.ndarray, x0: int, y0: int) -> tuple[float, float, float, float]:
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not columns.size:
        return 0.0, 0.0, 0.0, 0.0
    return float(x0 + columns[0]), float(y0 + rows[0]), float(x0 + columns[-1] + 1), float(y0 + rows[-1] + 1)


def depth(body: Body) -> float:
    """Distance from the camera to the middle of the body's foot."""
    return float(np.linalg.norm(np.array([body.x, body.y, 0.0]) - CAMERA.position))


def truth(rooms: Sequence[Room], size: int) -> Truth:
    """Everything there is to know about images of `rooms`, with N = `BODIES` places an image.

    `extra` holds, each with the image first:

    * `colour` (B, N) int64: place in `COLOURS`, -1 where absent; `material` (B,) int64: place in `MATERIALS`;
    * `target` (B,) int64: index of the object that the arrow points at; `odd_shape` (B,) int64: its label;
    * `rule/position` (B, N, 2) float32: x and y of each body on the floor; `rule/angle` (B, N) float32: radians;
    * `lamps` (B, 3, 4) float32: position and power of each lamp.
    """
    count = len(rooms)
    present, instances = np.zeros((count, BODIES), bool), np.zeros((count, size, size), np.uint8)
    labels, colours = np.full((count, BODIES), -1, np.int64), np.full((count, BODIES), -1, np.int64)
    boxes, visible_boxes = np.zeros((count, BODIES, 4), np.float32), np.zeros((count, BODIES, 4), np.float32)
    distance, angle = np.zeros((count, BODIES), np.float32), np.zeros((count, BODIES), np.float32)
    position, lamps = np.zeros((count, BODIES, 2), np.float32), np.zeros((count, len(LAMPS), 4), np.float32)
    for b, room in enumerate(rooms):
        sight, known = look(room, size), len(room.bodies)
        instances[b] = sight.instances
        present[b, :known] = True
        boxes[b, :known], visible_boxes[b, :known] = sight.boxes, sight.visible_boxes
        lamps[b] = [(*lamp.position, lamp.power) for lamp in room.lamps]
        for i, body in enumerate(room.bodies):
            labels[b, i], colours[b, i] = SHAPES.index(body.shape), list(COLOURS).index(body.colour)
            position[b, i], angle[b, i], distance[b, i] = (body.x, body.y), body.angle, depth(body)
    target = np.array([room.target for room in rooms], np.int64)
    extra = {
        "colour": colours,
        "material": np.array([MATERIALS.index(room.material) for room in rooms], np.int64),
        "target": target,
        "odd_shape": labels[np.arange(count), target],
        "rule/position": position,
        "rule/angle": angle,
        "lamps": lamps,
    }
    return Truth(
        present=torch.from_numpy(present),
        labels=torch.from_numpy(labels),
        boxes=torch.from_numpy(boxes),
        visible_boxes=torch.from_numpy(visible_boxes),
        instances=torch.from_numpy(instances),
        depth=torch.from_numpy(distance),
        extra={name: torch.from_numpy(array) for name, array in extra.items()},
    )
