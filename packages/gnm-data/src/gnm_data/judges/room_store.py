"""Painted rooms in a file, so that a training that was stopped need not paint them again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gnm_data.judges.room_painting import PaintedRoom

_OF_BODIES = ("labels", "materials", "areas", "feet", "heading")


def keep_rooms(file: Path, rooms: Sequence[PaintedRoom]) -> None:
    """Write rooms to `file` (.npz)."""
    new = file.with_suffix(".new.npz")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(room, name) for room in rooms]) for name in _OF_BODIES}
    arrays |= {name: np.stack([getattr(room, name) for room in rooms]) for name in ("image", "instances")}
    np.savez(new, ends=np.cumsum([len(room.labels) for room in rooms]), **arrays)
    new.replace(file)


def kept_rooms(file: Path) -> list[PaintedRoom]:
    """The rooms that `keep_rooms` wrote."""
    with np.load(file) as kept:
        image, instances, ends = kept["image"], kept["instances"], kept["ends"][:-1]
        bodies = [np.split(kept[name], ends) for name in _OF_BODIES]
    return [PaintedRoom(*one) for one in zip(image, instances, *bodies, strict=True)]
