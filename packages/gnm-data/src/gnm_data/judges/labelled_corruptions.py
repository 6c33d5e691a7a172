"""Labelled pictures of the Arrow Room broken by hand: what a judge must reject, in a look that nobody can paint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gnm_data.arrow_room.room import MATERIALS, SHAPES
from gnm_data.judges.labelled import FOOT, LabelledBody, LabelledRoom

_RIM = 3
"""Pixels about a body's box that go with it, and over which it is blended in."""
_LEVEL = 8
"""An object is replaced by one whose middle is at most this many pixels higher or lower, as it is about as large."""
_GREY = 20
"""Levels between the channels of a pixel, at most, where it shows the room and no body."""
_CLEAR = np.radians(50.0)
"""A mirrored arrow must point this far aside of where it pointed, in the picture."""


@dataclass(frozen=True)
class LabelledPicture:
    """One picture (128, 128, 3) uint8 and what a person saw in it."""

    image: np.ndarray
    room: LabelledRoom


Corruption = Callable[[LabelledPicture, Sequence[LabelledPicture], np.random.Generator], np.ndarray | None]
"""Picture, all pictures of its sheet, random numbers → the picture broken, or None where it cannot be."""


def mirrored(
    picture: LabelledPicture, sheet: Sequence[LabelledPicture], random: np.random.Generator
) -> np.ndarray | None:
    """The arrow is mirrored, left to right if that turns it far enough, else head to foot."""
    room = picture.room
    arrow = room.bodies[-1]
    if room.target is None or arrow.box is None:
        return None
    goal = room.bodies[room.target]
    across, down = goal.at[0] - arrow.at[0], goal.at[1] + FOOT - arrow.at[1]
    turned = 2 * np.arctan2(abs(across), abs(down))
    axis = 1 if turned > _CLEAR else 0
    x0, y0, x1, y1 = _grown(arrow.box)
    return _blended(picture.image, np.flip(picture.image[y0:y1, x0:x1], axis), x0, y0)


def alike(picture: LabelledPicture, sheet: Sequence[LabelledPicture], random: np.random.Generator) -> np.ndarray | None:
    """The odd object is replaced by one of the others' shape, from another picture."""
    odd, pair = _shapes(picture.room)
    return _replaced(picture, sheet, random, odd, pair, other=False)


def different(
    picture: LabelledPicture, sheet: Sequence[LabelledPicture], random: np.random.Generator
) -> np.ndarray | None:
    """One of the two alike is replaced by an object of the third shape, from another picture."""
    odd, pair = _shapes(picture.room)
    third = next(shape for shape in SHAPES[:3] if shape not in (odd, pair))
    return _replaced(picture, sheet, random, pair, third, other=False)


def other_material(
    picture: LabelledPicture, sheet: Sequence[LabelledPicture], random: np.random.Generator
) -> np.ndarray | None:
    """One object is replaced by one of the same shape and the other material, from another picture."""
    body = picture.room.bodies[int(random.integers(3))]
    return _replaced(picture, sheet, random, body.shape, body.shape, other=True)


KINDS: tuple[Corruption, ...] = (mirrored, alike, different, other_material)
"""Ways to break a labelled picture that obeys the rule."""


def corrupted(kind: Corruption, sheet: Sequence[LabelledPicture]) -> list[np.ndarray]:
    """Every picture of a sheet that obeys the rule and can be broken in this way, broken."""
    made = []
    for picture in sheet:
        if picture.room.lawful:
            random = np.random.default_rng((picture.room.sheet, picture.room.tile, KINDS.index(kind)))
            image = kind(picture, sheet, random)
            if image is not None:
                made.append(image)
    return made


def _shapes(room: LabelledRoom) -> tuple[str, str]:
    """Shape of the odd object and of the other two."""
    names = [body.shape for body in room.bodies[:3]]
    return min(names, key=names.count), max(names, key=names.count)


def _replaced(
    picture: LabelledPicture,
    sheet: Sequence[LabelledPicture],
    random: np.random.Generator,
    old: str,
    new: str,
    *,
    other: bool,
) -> np.ndarray | None:
    """An object of one shape makes room for one of another picture, of the same or the other material."""
    places = [body for body in picture.room.bodies if body.shape == old and _inside(body)]
    options = [
        (place, donor, body)
        for place in places
        for donor in sheet
        for body in donor.room.bodies
        if body.shape == new
        and donor is not picture
        and (body.material == place.material) != other
        and body.material in MATERIALS
        and _inside(body)
        and abs(body.at[1] - place.at[1]) <= _LEVEL
    ]
    if not options:
        return None
    place, donor, body = options[int(random.integers(len(options)))]
    assert place.box is not None
    assert body.box is not None
    x0, y0, x1, y1 = _grown(place.box)
    empty = _empty(sheet)
    cleared = _blended(picture.image, empty[y0:y1, x0:x1], x0, y0)
    u0, v0, u1, v1 = _grown(body.box)
    shift_x = round((place.box[0] + place.box[2] - body.box[0] - body.box[2]) / 2)
    shift_y = place.box[3] - body.box[3]  # on the same floor
    u, v = u0 + shift_x, v0 + shift_y
    if u < 0 or v < 0 or u + u1 - u0 > empty.shape[1] or v + v1 - v0 > empty.shape[0]:
        return None
    return _blended(cleared, donor.image[v0:v1, u0:u1], u, v)


def _empty(sheet: Sequence[LabelledPicture]) -> np.ndarray:
    """(128, 128, 3) uint8: the room without bodies, as the median of grey pixels, the brighter half of them."""
    images = np.stack([one.image for one in sheet]).astype(np.float32)
    images[np.ptp(images, axis=-1) > _GREY] = np.nan
    images[images.mean(-1) < np.nanmedian(images.mean(-1), axis=0)] = np.nan
    return np.nanmedian(images, axis=0).astype(np.uint8)


def _inside(body: LabelledBody) -> bool:
    """Nothing touches the body, the frame neither."""
    return body.box is not None and min(body.box) > _RIM and max(body.box) < 128 - _RIM


def _grown(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    return max(x0 - _RIM, 0), max(y0 - _RIM, 0), min(x1 + _RIM, 128), min(y1 + _RIM, 128)


def _blended(image: np.ndarray, patch: np.ndarray, x: int, y: int) -> np.ndarray:
    """The patch laid on the image with its corner at (x, y), softly at its rim."""
    height, width = patch.shape[:2]
    ramp = [
        np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)).clip(max=_RIM + 1) / (_RIM + 1) for n in (height, width)
    ]
    share = (ramp[0][:, None] * ramp[1])[..., None]
    made = image.copy()
    under = image[y : y + height, x : x + width]
    made[y : y + height, x : x + width] = np.round(under + share * (patch.astype(np.float64) - under)).astype(np.uint8)
    return made
