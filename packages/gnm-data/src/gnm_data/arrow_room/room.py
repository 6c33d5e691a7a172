"""What an Arrow Room scene is: its bodies, their shapes, colours and material, its lamps, and its look."""

from dataclasses import dataclass

from gnm_data.arrow_room.look import Finish, Lamp, Look
from gnm_data.arrow_room.looks import STUDIO

SHAPES = ("cube", "sphere", "cylinder", "arrow")
"""Names of the classes; the place in this tuple is the label."""
BODIES = 4
"""Three objects and the arrow."""

MATERIALS = ("rubber", "metal")

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


CAMERA, LAMPS = STUDIO.camera, STUDIO.light.lamps
"""Those of the look `studio`."""


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
    lamps: tuple[Lamp, ...] = STUDIO.light.lamps
    target: int = 0
    """Index of the object that the arrow points at."""
    look: Look = STUDIO
    """How it is seen; its usual lamps are not those of this room."""

    @property
    def finish(self) -> Finish:
        """Of all bodies."""
        return self.look.finishes[MATERIALS.index(self.material)]

    def albedo(self, body: Body) -> tuple[float, float, float]:
        """Linear base colour of a body."""
        r, g, b = (min(value / 255 + self.finish.brighter, 1.0) for value in COLOURS[body.colour])
        return r, g, b
