"""What an Arrow Room scene is: camera, room, lamps, colours, materials, objects, and their measured sizes.

World frame: x to the right, y away from the camera, z up; the floor is z = 0. Lengths are in scene units, in which an
object is about 1.3 wide. Colours are linear light unless said otherwise.
"""

from dataclasses import dataclass, field

import numpy as np

SHAPES = ("cube", "sphere", "cylinder", "arrow")
"""Names of the classes; the place in this tuple is the label."""
BODIES = 4
"""Three objects and the arrow."""

MATERIALS = ("rubber", "metal")


@dataclass(frozen=True)
class Finish:
    """How a material scatters light, in the terms of Blender's principled surface."""

    metallic: bool
    roughness: float
    specular: float
    """Specular level of what is not metal; 0.5 reflects 4 % straight on."""
    brighter: float
    """Added to the colour."""


FINISHES = {"rubber": Finish(False, 0.6, 0.35, 0.0), "metal": Finish(True, 0.2, 0.5, 0.12)}

COLOURS: dict[str, tuple[int, int, int]] = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
"""The eight colours of CLEVR (Johnson et al., 2017); value / 255 is the linear albedo."""


def albedo(colour: str, material: str) -> tuple[float, float, float]:
    """Linear base colour of a body."""
    r, g, b = (min(value / 255 + FINISHES[material].brighter, 1.0) for value in COLOURS[colour])
    return r, g, b


RADIUS = 0.665
"""Radius of spheres and cylinders; a cylinder is 2 * RADIUS high."""
CUBE_HALF = 0.60
"""Half of a cube's side."""
BEVEL = 0.12
"""Rounding of edges, as a share of CUBE_HALF or RADIUS."""


@dataclass(frozen=True)
class ArrowSizes:
    """The arrow lies flat on the floor."""

    length: float = 1.7
    head_length: float = 0.8
    head_width: float = 1.15
    shaft_width: float = 0.45
    thickness: float = 0.36
    bevel: float = 0.035


ARROW_SIZES = ArrowSizes()


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along +y and down."""

    position: tuple[float, float, float] = (0.0, -7.6, 4.0)
    pitch: float = 25.0
    """Degrees below the horizon."""
    focal: float = 140 / 128
    """Focal length as a share of the image's side."""

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


CAMERA = Camera()


@dataclass(frozen=True)
class Lamp:
    """A square lamp that shines to one side, towards `aim`."""

    position: tuple[float, float, float]
    half: float
    """Half of its side."""
    power: float
    """Its radiance is RADIANCE * power."""
    aim: tuple[float, float, float]

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors (3,) along its sides, across (level) and up, and along its light."""
        ahead = np.subtract(self.aim, self.position)
        ahead = ahead / np.linalg.norm(ahead)
        across = np.cross(ahead, (0.0, 0.0, 1.0))
        across = across / np.linalg.norm(across)
        return across, np.cross(across, ahead), ahead


RADIANCE = 14.0
WORLD = 0.12
"""Radiance that comes from everywhere outside the room."""
LAMPS = (
    Lamp((5.2, -5.6, 6.8), 1.1, 1.0, (0.8, -0.5, 0.0)),
    Lamp((-5.5, -3.0, 6.5), 1.4, 0.26, (0.0, 1.0, 0.0)),
    Lamp((-0.5, 2.5, 9.0), 2.0, 0.27, (0.0, 9.5, 3.0)),
)
"""Key, fill and back lamp before they are jittered."""

COVE_START = 8.0
"""The floor ends at this y and bends up to the wall ..."""
COVE_RADIUS = 3.5
"""... in a quarter circle of this radius."""
WALL = COVE_START + COVE_RADIUS
"""y of the wall."""
ROOM_ALBEDO = (0.80, 0.795, 0.785)


@dataclass(frozen=True)
class Body:
    """One object, or the arrow, standing on the floor."""

    shape: str
    colour: str
    x: float
    y: float
    angle: float = 0.0
    """Radians, counter-clockwise from above; an arrow at angle 0 points along +x."""


@dataclass(frozen=True)
class Room:
    """One scene: everything that a painter and the ground truth need."""

    bodies: tuple[Body, ...]
    """The objects from left to right, then the arrow; tests and examples may have others, or none."""
    material: str = "rubber"
    lamps: tuple[Lamp, ...] = field(default=LAMPS)
    target: int = 0
    """Index of the object that the arrow points at."""
