"""What is seen of rooms, by `paint.c`."""

from collections.abc import Sequence

import numpy as np
import torch

from gnm_data.arrow_room.native.call import ROOMS
from gnm_data.arrow_room.native.parts import parts
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.visibility import Visibility


def look_compiled(rooms: Sequence[Room], size: int) -> list[Visibility]:
    """As `truth.look_at`, on torch's number of threads."""
    solids, count = parts(rooms), len(rooms)
    bodies = max(len(room.bodies) for room in rooms)
    instances, distance = np.empty((count, size, size), np.uint8), np.empty((count, size, size), np.float32)
    area, visible_area = np.empty((count, bodies), np.int64), np.empty((count, bodies), np.int64)
    boxes, visible_boxes = np.empty((count, bodies, 4), np.float32), np.empty((count, bodies, 4), np.float32)
    arrays = (instances, distance, area, visible_area, boxes, visible_boxes)
    given = (solids.cameras, solids.numbers, solids.starts)
    ROOMS.call("look_at_rooms", *map(torch.from_numpy, (*given, *arrays)), count, bodies, size)
    found = []
    for i, room in enumerate(rooms):
        n = len(room.bodies)
        known = (boxes[i, :n], visible_boxes[i, :n], area[i, :n], visible_area[i, :n])
        found.append(Visibility(instances[i], *known, distance[i]))
    return found
