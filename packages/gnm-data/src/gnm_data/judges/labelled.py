"""How well the judge of the Arrow Room agrees with people who labelled pictures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.optimize import linear_sum_assignment

from gnm_data.arrow_room.room import MATERIALS, SHAPES
from gnm_data.judges.arrow_room import RoomReadings
from gnm_data.judges.room_reader import ARROW

_GAP = 2
"""Pixels between the pictures of a sheet, and around them."""
_NEAR = 14.0
"""A body that the judge sees is the labelled one if its foot is this near, in 128ths of the picture."""
FOOT = 9.0
"""A foot stands about this far below the middle of what is seen of a body, in 128ths of the picture."""


@dataclass(frozen=True)
class LabelledBody:
    """An object or an arrow that a person saw."""

    shape: str
    at: tuple[float, float]
    """x, y of the middle of what is seen of it, in 128ths of the picture."""
    material: str
    box: tuple[int, int, int, int] | None
    """x0, y0, x1, y1 around it; None where something touches it."""


@dataclass(frozen=True)
class LabelledRoom:
    """One picture as a person saw it."""

    sheet: int
    tile: int
    """Place on the sheet, row by row."""
    bodies: tuple[LabelledBody, ...]
    """The objects, then the arrow if there is one."""
    target: int | None
    """The object that the arrow points at."""
    lawful: bool
    """Whether the rule holds."""


def read_labels(file: Path) -> list[LabelledRoom]:
    """Labels by sheet and tile."""
    return [_room(**entry) for entry in json.loads(file.read_text())["tiles"]]


def _room(
    sheet: int,
    tile: int,
    objects: list[dict[str, Any]],
    arrow: dict[str, Any] | None,
    materials: list[str],
    target: int | None,
    lawful: bool,
    doubt: str = "",
) -> LabelledRoom:
    entries = [*objects, *([{"shape": "arrow", **arrow}] if arrow else [])]
    bodies = tuple(
        LabelledBody(body["shape"], tuple(body["at"]), material, tuple(body["box"]) if "box" in body else None)
        for body, material in zip(entries, materials, strict=True)
    )
    return LabelledRoom(sheet, tile, bodies, target, lawful)


@dataclass(frozen=True)
class Agreement:
    """Where judge and person say the same of one picture."""

    shapes: bool
    """Every body is found, of the same shape, and nothing else is."""
    materials: bool
    """Each body is of the same material."""
    target: bool
    """The arrow points at the same object, or at none."""
    verdict: bool
    """The rule holds, or does not."""


def agreement(label: LabelledRoom, readings: RoomReadings) -> Agreement:
    """Compare what the judge believes with a person's labels."""
    candidates, reading = readings.candidates, readings.chosen
    present = np.flatnonzero(reading.labels != candidates.nothing)
    matches = _matched(label, candidates.places[present])
    matched = [present[i] if i is not None else None for i in matches]
    pairs = [(body, i) for body, i in zip(label.bodies, matched, strict=True) if i is not None]
    shapes = [SHAPES[reading.labels[i]] == body.shape for body, i in pairs]
    materials = [MATERIALS[reading.materials[i]] == body.material for body, i in pairs]
    wanted = None if label.target is None else matched[label.target]
    pointed = reading.target if (reading.labels == ARROW).any() else None
    return Agreement(
        shapes=len(pairs) == len(label.bodies) == len(present) and all(shapes),
        materials=len(pairs) == len(label.bodies) and all(materials),
        target=pointed == wanted and (label.target is None) == (wanted is None),
        verdict=(reading is readings.constrained) == label.lawful,
    )


def _matched(label: LabelledRoom, places: np.ndarray) -> list[int | None]:
    """For each labelled body the place that is nearest to its foot, each place for one body at most."""
    feet = np.array([(x, y if body.shape == "arrow" else y + FOOT) for body in label.bodies for x, y in [body.at]])
    if not len(places):
        return [None] * len(feet)
    away = np.linalg.norm(feet[:, None] - places, axis=-1)
    rows, columns = linear_sum_assignment(np.minimum(away, 2 * _NEAR))
    found: list[int | None] = [None] * len(feet)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if away[row, column] < _NEAR:
            found[row] = column
    return found


def tiles(sheet: Path, columns: int, rows: int, size: int) -> list[np.ndarray]:
    """The pictures (size, size, 3) uint8 of a sheet, row by row; they stand 2 pixels apart and from its edges."""
    image = np.asarray(Image.open(sheet, formats=("PNG",)).convert("RGB"))
    step = size + _GAP
    return [image[_GAP + y * step :, _GAP + x * step :][:size, :size] for y in range(rows) for x in range(columns)]
