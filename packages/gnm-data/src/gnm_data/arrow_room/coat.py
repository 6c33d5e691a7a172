"""The gloss of rubber: a clear, rough coat by the GGX microfacet model."""

import numpy as np

from gnm_data.arrow_room.look import Finish
from gnm_data.arrow_room.shapes import dot


class Coat:
    """How a finish that is not metal reflects at its surface.

    Args:
        finish: its roughness and specular level.
    """

    def __init__(self, finish: Finish) -> None:
        self.roughness = finish.roughness
        self.square = finish.roughness**4  # of the GGX width, which is roughness squared
        self.straight = 0.08 * finish.specular
        self.base = 0.0425 - 0.0275 * finish.roughness
        self.share = 1.04 - 0.572 * finish.roughness
        self.lift = 0.022 * finish.roughness - 0.04

    def whole(self, facing: np.ndarray) -> np.ndarray:
        """Share (N,) of all light that the coat turns away, seen at cosines `facing` (N,).

        Source: Karis, Physically based shading on mobile, 2014 (a fit to the integrated GGX model).
        """
        smooth = 1 - self.roughness
        edge = np.minimum(smooth**2, power_of_two(-9.28 * facing)) * smooth + self.base
        return self.straight * (self.share - 1.04 * edge) + 1.04 * edge + self.lift

    def towards(self, eye: np.ndarray, normal: np.ndarray, way: np.ndarray) -> np.ndarray:
        """Radiance (N,) to the eye for each unit of irradiance from one direction `way` (3, N).

        Source: Walter et al., Microfacet models for refraction through rough surfaces, EGSR 2007.

        Args:
            eye, normal: (3, N) unit vectors away from the surface.
        """
        half = eye + way
        half *= 1 / np.sqrt(dot(half, half))
        facing, slant = np.maximum(dot(eye, normal), 1e-3), np.maximum(dot(way, normal), 0)
        square = self.square
        straight = dot(half, normal)
        facets = square / (np.pi * (straight * straight * (square - 1) + 1) ** 2)
        shadowing = 0.5 / (
            slant * np.sqrt(facing * facing * (1 - square) + square)
            + facing * np.sqrt(slant * slant * (1 - square) + square)
        )
        edge = 1 - np.clip(dot(half, way), 0, 1)
        return facets * shadowing * (self.straight + (1 - self.straight) * _fifth(edge))


def power_of_two(x: np.ndarray) -> np.ndarray:
    """2 to the power of x (N,) in (-100, 0], to 2e-7 of itself: the same on every machine."""
    n = np.floor(x)
    f = x - n
    p = np.full_like(f, 1.8854e-3)
    for factor in (8.9729e-3, 5.58366e-2, 2.4015244e-1, 6.9315254e-1, 1.0):
        p = p * f + factor
    return np.asarray(np.ldexp(p, n.astype(np.int32)))


def schlick(base: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Share (3, N) that metal of colour `base` (3, N) mirrors at `cosine` (N,) to its normal (Schlick, 1994)."""
    return base + (1 - base) * _fifth(1 - cosine)


def _fifth(x: np.ndarray) -> np.ndarray:
    square = x * x
    return square * square * x
