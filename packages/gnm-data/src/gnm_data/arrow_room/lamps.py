"""Light straight from the square lamps.

Points and directions are (3, N) float32; irradiance is per unit of area, radiance per unit of area and solid angle.
"""

import numpy as np

from gnm_data.arrow_room.look import Lamp
from gnm_data.arrow_room.shapes import dot

_GAUSS = 3**-0.5
"""Two-point Gauss-Legendre nodes, on both sides of the lamp: exact enough, as lamps are far."""


class SquareLamp:
    """One lamp, ready for shading.

    Args:
        lamp: where it is and how strong.
        radiance: of a lamp of power 1.
    """

    def __init__(self, lamp: Lamp, radiance: float) -> None:
        across, up, ahead = (axis.astype(np.float32)[:, None] for axis in lamp.axes())
        self.half = lamp.half
        self.tint = np.array(lamp.tint, np.float32)[:, None]
        self.radiance = radiance * lamp.power
        self.centre = np.array(lamp.position, np.float32)[:, None]
        self.across, self.up, self.ahead = across, up, ahead

    def point(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The lamp's points (3, N) at u, v (N,) in [-1, 1]."""
        return self.centre + self.half * (self.across * u + self.up * v)

    def nodes(self) -> list[np.ndarray]:
        """Four points (3, 1) that stand for a quarter of the lamp each."""
        corners = [(-_GAUSS, -_GAUSS), (-_GAUSS, _GAUSS), (_GAUSS, -_GAUSS), (_GAUSS, _GAUSS)]
        return [self.centre + self.half * (u * self.across + v * self.up) for u, v in corners]

    def arriving(self, point: np.ndarray, node: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Light from a quarter of the lamp when nothing is in its way.

        Returns:
            Direction (3, N) to the node, and irradiance (N,) of a surface that faces it.
        """
        to = node - point
        square = dot(to, to)
        to *= 1 / np.sqrt(square)
        facing = np.maximum(-dot(to, self.ahead), 0)
        return to, facing * (self.half**2 * self.radiance) / square

    def mirrored(self, point: np.ndarray, direction: np.ndarray, slope: float) -> np.ndarray:
        """Radiance (N,) that a slightly rough mirror at `point` sends on when its reflected ray goes along `direction`.

        The share of the lamp in the lobe of a GGX surface, taken along each side of the lamp by itself: the
        distribution of one slope s is s / sqrt(slope^2 + s^2).

        Args:
            slope: spread of the reflected rays, as the tangent of their angle.
        """
        facing = dot(direction, self.ahead)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = dot(self.centre - point, self.ahead) / facing
            off = point + direction * t - self.centre
            spread = slope * t
            share = _within(dot(off, self.across), self.half, spread) * _within(dot(off, self.up), self.half, spread)
        # The lamp shines ahead: rays that reach its face run against that.
        return np.where((facing < 0) & (t > 0), share * self.radiance, 0).astype(np.float32)


def _within(middle: np.ndarray, half: float, spread: np.ndarray) -> np.ndarray:
    """Share of a lobe around `middle` that lies in [-half, half]."""
    low, high, square = -half - middle, half - middle, spread * spread
    return (high / np.sqrt(high * high + square) - low / np.sqrt(low * low + square)) / 2
