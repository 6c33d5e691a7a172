"""Ground truth from rays through pixel centres. What an image is painted with never decides what is in it."""

from collections.abc import Sequence

import numpy as np
import torch
from gnm_core.deprecated import renamed_names
from gnm_core.results import Truth

from gnm_data.arrow_room.look import Camera
from gnm_data.arrow_room.native.call import ROOMS
from gnm_data.arrow_room.native.visibility import look_compiled
from gnm_data.arrow_room.room import BODIES, COLOURS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.visibility import Visibility, look_in_numpy


def look(room: Room, size: int) -> Visibility:
    """Cast one ray through the centre of every pixel that may show a body."""
    return look_at([room], size)[0]


def look_at(rooms: Sequence[Room], size: int) -> list[Visibility]:
    """The same for many rooms: compiled where there is a compiler, on torch's threads, and in numpy otherwise."""
    if rooms and ROOMS.can_take():
        return look_compiled(rooms, size)
    return [look_in_numpy(room, size) for room in rooms]


def depth(body: Body, camera: Camera) -> float:
    """Distance from the camera to the middle of the body's foot."""
    return float(np.linalg.norm(np.array([body.x, body.y, 0.0]) - camera.position))


def truth(rooms: Sequence[Room], size: int) -> Truth:
    """Everything there is to know about images of `rooms`, with N = `BODIES` places an image.

    `extra` holds, each with the image first:

    * `colour` (B, N) int64: place in `COLOURS`, -1 where absent; `material` (B,) int64: place in `MATERIALS`;
    * `target` (B,) int64: index of the object that the arrow points at; `odd_shape` (B,) int64: its label;
    * `rule/position` (B, N, 2) float32: x and y of each body on the floor; `rule/angle` (B, N) float32: radians;
    * `lamps` (B, 3, 4) float32: position and power of each lamp.
    """
    count, lamp_count = len(rooms), max((len(room.lamps) for room in rooms), default=3)
    present, instances = np.zeros((count, BODIES), bool), np.zeros((count, size, size), np.uint8)
    labels, colours = np.full((count, BODIES), -1, np.int64), np.full((count, BODIES), -1, np.int64)
    boxes, visible_boxes = np.zeros((count, BODIES, 4), np.float32), np.zeros((count, BODIES, 4), np.float32)
    distance, angle = np.zeros((count, BODIES), np.float32), np.zeros((count, BODIES), np.float32)
    position, lamps = np.zeros((count, BODIES, 2), np.float32), np.zeros((count, lamp_count, 4), np.float32)
    for b, (room, visibility) in enumerate(zip(rooms, look_at(rooms, size), strict=True)):
        known = len(room.bodies)
        instances[b] = visibility.instances
        present[b, :known] = True
        boxes[b, :known], visible_boxes[b, :known] = visibility.boxes, visibility.visible_boxes
        lamps[b] = [(*lamp.position, lamp.power) for lamp in room.lamps]
        for i, body in enumerate(room.bodies):
            labels[b, i], colours[b, i] = SHAPES.index(body.shape), list(COLOURS).index(body.colour)
            position[b, i], angle[b, i], distance[b, i] = (body.x, body.y), body.angle, depth(body, room.look.camera)
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


__getattr__ = renamed_names(__name__, {"Sight": "gnm_data.arrow_room.visibility:Visibility"})
