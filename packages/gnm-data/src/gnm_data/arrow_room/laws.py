"""Laws of painters of rooms."""

from dataclasses import replace

import numpy as np
from gnm_core.testing import Bench, law, require

from gnm_data.arrow_room.layout import sample
from gnm_data.arrow_room.looks import LOOKS
from gnm_data.arrow_room.painter import Painter
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.truth import look_at

FAR = {"yellow": "blue"}
"""What each colour is changed to, so that the change can be seen; all others to yellow."""


def _rooms(count: int = 3) -> list[Room]:
    return [sample(0, "train", index, LOOKS["published"]) for index in range(count)]


@law(Painter)
def pictures_of_the_right_kind(bench: Bench) -> None:
    """(B, size, size, 3) uint8, for no room and for many, at two sizes."""
    painter = bench.build()
    for count, size in ((0, 16), (1, 16), (3, 24)):
        pictures = painter.paint(_rooms(count), size)
        expected = (count, size, size, 3)
        require(pictures.shape == expected, f"the pictures have shape {pictures.shape}; expected {expected}")
        require(pictures.dtype == np.uint8, f"the pictures are {pictures.dtype}; expected uint8")


@law(Painter)
def each_room_alone(bench: Bench) -> None:
    """A room is painted the same alone and among others, again, and by a fresh copy; rooms differ."""
    painter, rooms = bench.build(seed=0), _rooms()
    together = painter.paint(rooms, 24)
    np.random.seed(99)
    for name, other in (("painted again", painter), ("by a fresh copy", bench.build(seed=1))):
        changed = int((other.paint(rooms, 24) != together).sum())
        require(changed == 0, f"{name}, {changed} of {together.size} numbers differ")
    for i, room in enumerate(rooms):
        changed = int((painter.paint([room], 24)[0] != together[i]).sum())
        require(changed == 0, f"room {i} alone differs from the same among {len(rooms)} in {changed} numbers")
    require(not np.array_equal(together[0], together[1]), "two rooms have one and the same picture")


@law(Painter)
def bodies_are_where_truth_says(bench: Bench) -> None:
    """A body of another colour changes the picture where the ground truth has that body, more than elsewhere."""
    painter, size = bench.build(), 48
    (room,) = _rooms(1)
    before = painter.paint([room], size)[0].astype(np.int64)
    (seen,) = look_at([room], size)
    for i, body in enumerate(room.bodies):
        mask = seen.instances == i + 1
        if mask.sum() < 16:
            continue
        bodies = list(room.bodies)
        bodies[i] = replace(body, colour=FAR.get(body.colour, "yellow"))
        after = painter.paint([replace(room, bodies=tuple(bodies))], size)[0]
        change = np.abs(after - before).sum(-1)
        inside, outside = change[mask].mean(), change[~mask].mean()
        require(
            bool(inside > 4 * outside and inside > 0),
            f"with the {body.shape} in another colour, pixels change by {inside:.1f} on average where the truth has it "
            f"and by {outside:.1f} elsewhere",
        )
