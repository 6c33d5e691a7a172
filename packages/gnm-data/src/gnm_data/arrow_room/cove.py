"""The room itself: a floor that bends up to a wall, endless to the sides, open above and behind the camera.

Points and directions are (3, N) float32.
"""

import numpy as np

from gnm_data.arrow_room.room import COVE_RADIUS, COVE_START, WALL


def hit(origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Distance (N,) along each ray, from inside the room, to floor, cove or wall; infinite where it leaves the room."""
    _, y, z = origin
    _, dy, dz = direction
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(dz < 0, -z / dz, np.inf)
        floor = np.where(y + floor * dy <= COVE_START, floor, np.inf)
        wall = np.where(dy > 0, (WALL - y) / dy, np.inf)
        wall = np.where(z + wall * dz >= COVE_RADIUS, wall, np.inf)
        # The far side of the cove's cylinder, where that is the quarter between floor and wall.
        y, z = y - COVE_START, z - COVE_RADIUS
        a = dy * dy + dz * dz
        b = y * dy + z * dz
        square = b * b - a * (y * y + z * z - COVE_RADIUS**2)
        bend = (np.sqrt(np.maximum(square, 0)) - b) / a
        bend = np.where((square >= 0) & (bend > 0) & (y + bend * dy > 0) & (z + bend * dz < 0), bend, np.inf)
    return np.fmin(np.fmin(floor, wall), bend).astype(np.float32)


def normal(point: np.ndarray) -> np.ndarray:
    """Unit normal (3, N), towards the inside, at points of the room."""
    _, y, z = point
    back = np.clip(y - COVE_START, 0, COVE_RADIUS) / -COVE_RADIUS
    up = np.clip(COVE_RADIUS - z, 0, COVE_RADIUS) / COVE_RADIUS
    return np.stack((np.zeros_like(back), back, up))


def arc(point: np.ndarray) -> np.ndarray:
    """(N,): how far along the profile points of the room are: negative on the floor, then up the cove and the wall."""
    _, y, z = point
    angle = quarter_angle(np.maximum(y - COVE_START, 0), np.maximum(COVE_RADIUS - z, 1e-6))
    return np.minimum(y - COVE_START, 0) + COVE_RADIUS * angle + np.maximum(z - COVE_RADIUS, 0)


def quarter_angle(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Angle (N,) of (x, y), y >= 0 and x > 0, to 1e-5: the same on every machine."""
    steep = y > x
    r = np.where(steep, x, y) / np.where(steep, y, x)
    s = r * r
    p = np.full_like(s, -0.01172120)
    for factor in (0.05265332, -0.11643287, 0.19354346, -0.33262347, 0.99997726):
        p = p * s + factor
    p = p * r
    return np.where(steep, 1.5707963 - p, p)


def at(arc: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Points (3, N) of the room at given places along the profile; the inverse of `arc`."""
    quarter = COVE_RADIUS * np.pi / 2
    angle = np.clip(arc, 0, quarter) / COVE_RADIUS
    y = np.minimum(arc, 0) + COVE_START + COVE_RADIUS * np.sin(angle)
    z = COVE_RADIUS * (1 - np.cos(angle)) + np.maximum(arc - quarter, 0)
    return np.stack((x, y, z))
