"""The room itself: a floor that bends up to a wall, endless to the sides, open above and behind the camera.

Points and directions are (3, N) float32.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cove:
    """Floor, quarter circle and wall."""

    start: float
    """The floor ends at this y and bends up to the wall ..."""
    radius: float
    """... in a quarter circle of this radius."""
    height: float
    """Where the wall ends; above it the open world is seen ..."""
    fade: float
    """... and this far below it the wall begins to dim."""
    albedo: tuple[float, float, float]

    @property
    def wall(self) -> float:
        """y of the wall."""
        return self.start + self.radius

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Distance (N,) along each ray, from inside, to floor, cove or wall; infinite where it leaves the room."""
        _, y, z = origin
        _, dy, dz = direction
        with np.errstate(divide="ignore", invalid="ignore"):
            floor = np.where(dz < 0, -z / dz, np.inf)
            floor = np.where(y + floor * dy <= self.start, floor, np.inf)
            wall = np.where(dy > 0, (self.wall - y) / dy, np.inf)
            top = z + wall * dz
            wall = np.where((top >= self.radius) & (top <= self.height), wall, np.inf)
            # The far side of the cove's cylinder, where that is the quarter between floor and wall.
            y, z = y - self.start, z - self.radius
            a = dy * dy + dz * dz
            b = y * dy + z * dz
            square = b * b - a * (y * y + z * z - self.radius**2)
            bend = (np.sqrt(np.maximum(square, 0)) - b) / a
            bend = np.where((square >= 0) & (bend > 0) & (y + bend * dy > 0) & (z + bend * dz < 0), bend, np.inf)
        return np.fmin(np.fmin(floor, wall), bend).astype(np.float32)

    def normal(self, point: np.ndarray) -> np.ndarray:
        """Unit normal (3, N), towards the inside, at points of the room."""
        _, y, z = point
        back = np.clip(y - self.start, 0, self.radius) / -self.radius
        up = np.clip(self.radius - z, 0, self.radius) / self.radius
        return np.stack((np.zeros_like(back), back, up))

    def lit(self, point: np.ndarray) -> np.ndarray:
        """(N,): share of its light that the room shows at its points: less and less towards the end of the wall."""
        return np.clip((self.height - point[2]) / self.fade, 0, 1)

    def arc(self, point: np.ndarray) -> np.ndarray:
        """(N,): how far along the profile points are: negative on the floor, then up the cove and the wall."""
        _, y, z = point
        angle = quarter_angle(np.maximum(y - self.start, 0), np.maximum(self.radius - z, 1e-6))
        return np.minimum(y - self.start, 0) + self.radius * angle + np.maximum(z - self.radius, 0)

    def at(self, arc: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Points (3, N) of the room at given places along the profile; the inverse of `arc`."""
        quarter = self.radius * np.pi / 2
        angle = np.clip(arc, 0, quarter) / self.radius
        y = np.minimum(arc, 0) + self.start + self.radius * np.sin(angle)
        z = self.radius * (1 - np.cos(angle)) + np.maximum(arc - quarter, 0)
        return np.stack((x, y, z))


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
