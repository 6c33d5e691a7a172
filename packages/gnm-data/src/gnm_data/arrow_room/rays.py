"""Bundles of rays, and the fixed patterns by which they differ."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gnm_data.arrow_room.look import Camera
from gnm_data.arrow_room.shapes import dot, pick, unit

LIFT = 1e-3
"""Secondary rays start this far from the surface."""

# Roberts, The unreasonable effectiveness of quasirandom sequences: the plane's counterpart of the golden ratio.
_PLASTIC = np.array([0.7548776662466927, 0.5698402909980532])


@dataclass(frozen=True)
class Rays:
    """N rays, and where each of them is in its pixel's pattern."""

    origin: np.ndarray
    """(3, N)."""
    direction: np.ndarray
    """(3, N), of length 1."""
    shift: np.ndarray
    """(2, N) in [0, 1): shifts the pattern of the ray's pixel against that of its neighbours."""
    number: np.ndarray
    """(N,): which of its pixel's rays this is."""
    fan: int
    """How many rays go from where each of these ends to each lamp."""
    width: float = 0.0
    """Angle between neighbouring rays of a pixel; 0 for rays that have been mirrored."""

    def take(self, index: np.ndarray) -> Self:
        """Some of the rays."""
        origin, direction, shift = (pick(array, index) for array in (self.origin, self.direction, self.shift))
        return type(self)(origin, direction, shift, self.number[index], self.fan, self.width)

    def at(self, distance: np.ndarray) -> np.ndarray:
        """Points (3, N) along the rays."""
        return self.origin + self.direction * distance

    def pattern(self, stream: int, count: int) -> np.ndarray:
        """(2, N, count) in [0, 1): numbers that fill the square evenly, over a ray's `count` and over its pixel's rays.

        Args:
            stream: another one gives other numbers.
            count: numbers per ray.
        """
        table = sequence((int(self.number.max(initial=0)) + 1) * count)
        numbers = np.take(table.reshape(2, -1, count), self.number, axis=1)
        numbers += (self.shift + np.float32(0.381966 * stream))[:, :, None]
        return numbers - np.floor(numbers)

    def mirrored(self, point: np.ndarray, normal: np.ndarray, spread: float) -> tuple[Self, np.ndarray]:
        """The rays that a rough mirror sends on, and the cosine (N,) at which each meets its little facet.

        Args:
            point, normal: (3, N) of the mirror, where each ray meets it.
            spread: GGX width of the facets' slopes.
        """
        u, v = self.pattern(7, 1)[..., 0]
        # The far tails would only be noise.
        slope = spread * np.sqrt(u / (1.05 - u))
        across = unit(np.stack((1e-6 - normal[1], normal[0], np.zeros_like(u))))
        along = np.stack([normal[k - 2] * across[k - 1] - normal[k - 1] * across[k - 2] for k in range(3)])
        right, up = turned(v)
        facet = unit(normal + (across * right + along * up) * slope)
        direction, cosine = reflect(self.direction, facet)
        # A ray sent into the body bounces off it once more.
        direction -= 2 * np.minimum(dot(direction, normal), 0) * normal
        rays = type(self)(point + LIFT * normal, direction, self.shift, self.number, 1)
        return rays, np.abs(cosine)


def turned(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine (N,) of shares v (N,) in [0, 1] of a whole turn, to 1e-6: the same on every machine."""
    quarters = v * 4
    q = np.floor(quarters)
    f = quarters - q
    s = f * f
    sine, cosine = np.full_like(s, 1.51866536e-4), np.full_like(s, 8.59492389e-4)
    for factor in (-4.67458136e-3, 7.96902456e-2, -6.4596385e-1, 1.5707963):
        sine = sine * s + factor
    sine = sine * f
    for factor in (-2.08135635e-2, 2.53652954e-1, -1.23369883, 1.0):
        cosine = cosine * s + factor
    odd, left, below = (q == 1) | (q == 3), (q == 1) | (q == 2), (q == 2) | (q == 3)
    c, d = np.where(odd, sine, cosine), np.where(odd, cosine, sine)
    return np.where(left, -c, c), np.where(below, -d, d)


def sequence(length: int) -> np.ndarray:
    """(2, length) float32 in [0, 1): points that fill the square evenly."""
    return (_PLASTIC[:, None] * (np.arange(length) + 0.5) % 1).astype(np.float32)


def reflect(direction: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirrored directions (3, N), and the cosine (N,) between direction and normal, negative from the front."""
    cosine = dot(direction, normal)
    return direction - 2 * cosine * normal, cosine


def through(camera: Camera, pixels: np.ndarray, size: int, grid: int, fan: int) -> Rays:
    """grid * grid rays from the camera through each pixel, one pixel after the other."""
    step = (np.arange(grid) + 0.5) / grid
    row, column = np.divmod(pixels, size)
    x = (column[:, None, None] + step).repeat(grid, 1).ravel()
    y = (row[:, None, None] + step[:, None]).repeat(grid, 2).ravel()
    # Interleaved gradient noise (Jimenez, 2014) differs as much as it can between neighbours.
    shift = np.stack([(52.9829189 * ((0.06711056 * (column + k) + 0.00583715 * (row + k)) % 1)) % 1 for k in (0, 47)])
    per_ray = shift.astype(np.float32).repeat(grid * grid, 1)
    number = np.tile(np.arange(grid * grid), len(pixels))
    direction = camera.rays(x, y, size)
    origin = np.broadcast_to(camera.eye, direction.shape)
    return Rays(origin, direction, per_ray, number, fan, width=1 / (camera.focal * size * grid))
