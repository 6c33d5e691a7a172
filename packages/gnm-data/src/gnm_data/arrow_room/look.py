"""What decides how a room looks: camera, sizes, materials, the room itself, its lamps, and where things may stand.

World frame: x to the right, y away from the camera, z up; the floor is z = 0. Lengths are in scene units, in which an
object is about 1.3 wide. Colours are linear light unless said otherwise.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gnm_data.arrow_room.cove import Cove


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along +y and down."""

    position: tuple[float, float, float]
    pitch: float
    """Degrees below the horizon."""
    focal: float
    """Focal length as a share of the image's side."""

    @cached_property
    def eye(self) -> np.ndarray:
        """Its position (3, 1) float32."""
        return np.array(self.position, np.float32)[:, None]

    def _axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        c, s = np.cos(np.radians(self.pitch)), np.sin(np.radians(self.pitch))
        return np.array([1.0, 0.0, 0.0]), np.array([0.0, s, c]), np.array([0.0, c, -s])

    def rays(self, x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
        """Unit directions (3, N) float32 through the image points (x, y) in pixels; (0.5, 0.5) is the first pixel."""
        right, up, forward = (axis[:, None] for axis in self._axes())
        scale = 1 / (self.focal * size)
        direction = forward + right * ((x - size / 2) * scale) - up * ((y - size / 2) * scale)
        x, y, z = direction
        return (direction / np.sqrt(x * x + y * y + z * z)).astype(np.float32)

    def project(self, points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """World points (3, N), in front of the camera, → their image points (x, y) in pixels."""
        right, up, forward = self._axes()
        offset = points - np.asarray(self.position)[:, None]
        scale = self.focal * size / (forward @ offset)
        return size / 2 + scale * (right @ offset), size / 2 - scale * (up @ offset)


@dataclass(frozen=True)
class ArrowSizes:
    """The arrow lies flat on the floor."""

    length: float
    head_length: float
    head_width: float
    shaft_width: float
    thickness: float
    bevel: float


@dataclass(frozen=True)
class Sizes:
    """Of the four shapes."""

    sphere: float
    """Radius."""
    cylinder: float
    """Radius."""
    cylinder_half: float
    """Half of its height."""
    cube: float
    """Half of its side."""
    bevel: float
    """Rounding of cubes' and cylinders' edges, as a share of half a cube's side and of a cylinder's radius."""
    arrow: ArrowSizes


@dataclass(frozen=True)
class Finish:
    """How a material scatters light, in the terms of Blender's principled surface."""

    metallic: bool
    roughness: float
    specular: float
    """Specular level of what is not metal; 0.5 reflects 4 % straight on."""
    brighter: float
    """Added to the colour."""
    glint: float = 0.0
    """Metal: how far lamps spread in it, as the tangent of an angle ..."""
    shine: float = 1.0
    """... and how much brighter they are in it than by themselves."""


@dataclass(frozen=True)
class Lamp:
    """A square lamp that shines to one side, towards `aim`."""

    position: tuple[float, float, float]
    half: float
    """Half of its side."""
    power: float
    """Its radiance is `Light.radiance` * power."""
    aim: tuple[float, float, float]
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Its colour; on average 1, as light between surfaces is taken to be grey."""

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors (3,) along its sides, across (level) and up, and along its light."""
        ahead = np.subtract(self.aim, self.position)
        ahead = ahead / np.linalg.norm(ahead)
        across = np.cross(ahead, (0.0, 0.0, 1.0))
        across = across / np.linalg.norm(across)
        return across, np.cross(across, ahead), ahead


@dataclass(frozen=True)
class Light:
    """All that shines."""

    lamps: tuple[Lamp, ...]
    """Key, fill and back lamp before they are jittered."""
    radiance: float
    """Of a lamp of power 1."""
    world: float
    """Radiance that comes from everywhere outside the room ..."""
    sky: float
    """... and what a mirror sees there."""
    contact: float
    """Share of what a body sends back that is lost where it touches, as its side there is in the dark."""
    jitter: float
    """How far a lamp may be from its usual place, along each axis."""
    stronger: float
    """How much more than its usual power the key lamp may have, as a share."""


@dataclass(frozen=True)
class Places:
    """Where things stand, and what of them must be seen."""

    slots: tuple[tuple[float, float], ...]
    """x and y of the usual place of each object, from left to right."""
    aside: tuple[float, float]
    """Least and greatest offset of an object along the first axis of its slot ..."""
    away: tuple[float, float]
    """... and along the second."""
    arrow_slot: tuple[float, float]
    arrow_aside: tuple[float, float]
    arrow_away: tuple[float, float]
    """The same for the arrow."""
    turn: float
    """Angle in degrees by which the axes of all slots are turned against x and y."""
    object_gap: float
    """Least distance between the middles of two objects."""
    arrow_gap: float
    """Least distance between the middle of the arrow and that of an object."""
    clearance: float = 0.1
    """How far the arrow's line stays from any object that comes before its target."""
    object_share: float = 0.5
    arrow_share: float = 0.9
    """Least share of an object and of the arrow that can be seen, else its shape might be anyone's guess."""


@dataclass(frozen=True)
class Look:
    """How rooms look. Two rooms of one look differ in what `layout.attempt` draws."""

    camera: Camera
    sizes: Sizes
    finishes: tuple[Finish, Finish]
    """Of rubber and metal."""
    cove: Cove
    light: Light
    places: Places
