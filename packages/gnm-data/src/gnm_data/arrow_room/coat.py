"""The gloss of rubber: a clear, rough coat by the GGX microfacet model."""

import numpy as np

from gnm_data.arrow_room.room import Finish
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

    def whole(self, facing: np.ndarray) -> np.ndarray:
        """Share (N,) of all light that the coat turns away, seen at cosines `facing` (N,).

        Source: Karis, Physically based shading on mobile, 2014 (a fit to the integrated GGX model).
        """
        rough = self.roughness
        edge = np.minimum((1 - rough) ** 2, np.exp2(-9.28 * facing)) * (1 - rough) + 0.0425 - 0.0275 * rough
        return self.straight * (1.04 - 0.572 * rough - 1.04 * edge) + 1.04 * edge - 0.04 + 0.022 * rough

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
        facets = square / (np.pi * (dot(half, normal) ** 2 * (square - 1) + 1) ** 2)
        shadowing = 0.5 / (
            slant * np.sqrt(facing * facing * (1 - square) + square)
            + facing * np.sqrt(slant * slant * (1 - square) + square)
        )
        edge = 1 - np.clip(dot(half, way), 0, 1)
        return facets * shadowing * (self.straight + (1 - self.straight) * _fifth(edge))


def schlick(base: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Share (3, N) that metal of colour `base` (3, N) mirrors at `cosine` (N,) to its normal (Schlick, 1994)."""
    return base + (1 - base) * _fifth(1 - cosine)


def _fifth(x: np.ndarray) -> np.ndarray:
    square = x * x
    return square * square * x
