"""The judge of the Arrow Room."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, permutations
from typing import ClassVar

import numpy as np
import torch
from gnm_core.contracts import Judge
from gnm_core.results import Verdict
from torch import Tensor

from gnm_data.arrow_room.room import MATERIALS, SHAPES
from gnm_data.judges.canvas import SIDE
from gnm_data.judges.reading import FLOOR, UNSEEN
from gnm_data.judges.room_reader import ARROW, RoomCandidates, RoomReader
from gnm_data.judges.words import count, listing

THRESHOLD = -0.6
"""Least margin of a room that obeys the rule, in nats; chosen on validation rooms."""
_DOUBT = np.radians(5.0)
"""Standard deviation of the angle between the arrow and what it points at."""
_ASTRAY = np.radians(16.0)
"""An arrow that points at nothing is taken to be this far beside everything."""
_ODD, _PAIR = np.array(list(permutations(range(ARROW), 2))).T
"""Shape of the odd object and of the other two, in each of six ways."""
_MOST = 7
"""Candidates that are considered for a body, those least like nothing."""


class ArrowRoomJudge(Judge):
    """Of three objects exactly two share a shape; the arrow points at the odd one; all four are of one material.

    The best reading that obeys the rule is weighed against the best one of any kind: for every body its shape or
    nothing, for every object how far beside it the arrow points, and one material against each body's own.
    """

    channels: ClassVar[int] = 3
    """C of the pictures that it looks at."""
    name: ClassVar[str] = "arrow-room"
    version: str = "2"

    def __init__(self) -> None:
        self._reader = RoomReader()

    def judge(self, images: Tensor) -> list[Verdict]:
        """(B, 3, H, W) in [0, 1], of any size → one verdict a picture.

        Raises:
            DataError: the pictures are not square, or not coloured.
        """
        finite = torch.isfinite(images).flatten(1).all(1).tolist()
        unit = images.shape[-1] / SIDE
        return [self._verdict(readings, unit, whole) for readings, whole in zip(self.read(images), finite, strict=True)]

    def read(self, images: Tensor) -> list["RoomReadings"]:
        """(B, 3, H, W) in [0, 1] → what is seen in each picture, by the rule and without it.

        Raises:
            DataError: the pictures are not square, or not coloured.
        """
        return [RoomReadings(seen, _free(seen), _lawful(seen)) for seen in self._reader.read(images)]

    def _verdict(self, readings: "RoomReadings", unit: float, whole: bool) -> Verdict:
        seen, reading = readings.seen, readings.chosen
        reason = "" if reading is readings.lawful else _reason(seen, readings.free, readings.lawful)
        if not whole:
            reason = "some pixels are not numbers"
        objects = tuple(
            (SHAPES[label], float(x * unit), float(y * unit))
            for label, (x, y) in zip(reading.labels, seen.places, strict=True)
            if label != seen.nothing
        )
        return Verdict(not reason, reason, readings.margin, f"{self.name}/{self.version}", objects)


@dataclass(frozen=True)
class RoomReading:
    """One way to read a room."""

    score: float
    """Its log-probability."""
    labels: np.ndarray
    """(N,) int64: place of each candidate's shape in `SHAPES`, or nothing."""
    target: int | None
    """The candidate that the arrow points at; None for no object."""
    materials: np.ndarray
    """(N,) int64: place of each candidate's material in `MATERIALS`."""


@dataclass(frozen=True)
class RoomReadings:
    """What is seen in one picture, and the two readings that are weighed against each other."""

    seen: RoomCandidates
    free: RoomReading
    """The best reading of any kind."""
    lawful: RoomReading
    """The best reading that obeys the rule."""

    @property
    def margin(self) -> float:
        """Nats by which the lawful reading falls behind; at most 0."""
        return min(0.0, self.lawful.score - self.free.score)

    @property
    def chosen(self) -> RoomReading:
        """The reading that is believed."""
        return self.lawful if self.margin >= THRESHOLD else self.free


def _free(seen: RoomCandidates) -> RoomReading:
    """The best reading of any kind: each body by itself, the arrow pointing at the object nearest to its line."""
    labels, materials = seen.scores.argmax(1), seen.materials.argmax(1)
    there = labels != seen.nothing
    score = seen.scores.max(1).sum() + seen.materials.max(1)[there].sum()
    arrows, objects = np.flatnonzero(labels == ARROW), np.flatnonzero(there & (labels != ARROW))
    target = None
    if len(arrows) == 1:
        pointing = _pointing(seen)[arrows[0], [*objects, len(labels)]]
        score += pointing.max()
        target = int(objects[pointing.argmax()]) if pointing.argmax() < len(objects) else None
    return RoomReading(float(score), labels, target, materials)


def _lawful(seen: RoomCandidates) -> RoomReading:
    """The best reading that obeys the rule; bodies without a candidate are unseen."""
    kept = np.sort(seen.scores[:, -1].argsort(kind="stable")[:_MOST])
    unseen = len(kept)
    arrow, odd, one, two = _castings(unseen)
    gain = np.full((unseen + 1, len(SHAPES)), UNSEEN)
    gain[:-1] = (seen.scores[:, :-1] - seen.scores[:, -1:])[kept]
    materials = np.zeros((unseen + 1, len(MATERIALS)))
    materials[:-1] = seen.materials[kept]
    pointing = np.zeros((unseen + 1, unseen + 1))
    pointing[:-1] = _pointing(seen)[kept][:, [*kept, len(seen.scores)]]
    score = gain[arrow, ARROW] + pointing[arrow, odd]
    score += (materials[arrow] + materials[odd] + materials[one] + materials[two]).max(1)
    score = score[:, None] + gain[odd][:, _ODD] + gain[one][:, _PAIR] + gain[two][:, _PAIR]
    best, shapes = np.unravel_index(score.argmax(), score.shape)

    labels = np.full(unseen + 1, seen.nothing)
    labels[[one[best], two[best]]] = _PAIR[shapes]
    labels[odd[best]] = _ODD[shapes]
    labels[arrow[best]] = ARROW
    cast = [arrow[best], odd[best], one[best], two[best]]
    everyone = np.full(len(seen.scores), seen.nothing)
    everyone[kept] = labels[:-1]
    return RoomReading(
        float(score[best, shapes] + seen.scores[:, -1].sum()),
        everyone,
        int(kept[odd[best]]) if odd[best] < unseen else None,
        np.full(len(everyone), materials[cast].sum(0).argmax()),
    )


@lru_cache
def _castings(count: int) -> np.ndarray:
    """(4, K): every way to make candidates the arrow, the odd object and the pair; `count` stands for one unseen."""
    cast = np.stack(np.meshgrid(*[np.arange(count + 1)] * 4, indexing="ij")).reshape(4, -1)
    twice = [(cast[i] == cast[j]) & (cast[i] < count) for i, j in combinations(range(4), 2)]
    return cast[:, ~np.any(twice, 0) & (cast[2] <= cast[3])]


def _pointing(seen: RoomCandidates) -> np.ndarray:
    """(N, N + 1): how well candidate i, as an arrow, points at candidate j, and last at nothing; a log-likelihood."""
    to = seen.floor - seen.floor[:, None]
    across = seen.ways[:, None, 0] * to[..., 1] - seen.ways[:, None, 1] * to[..., 0]
    along = (seen.ways[:, None] * to).sum(-1)
    aside = np.pad(np.arctan2(across, along), ((0, 0), (0, 1)), constant_values=_ASTRAY)
    return np.asarray(-((aside / _DOUBT) ** 2) / 2).clip(min=FLOOR)


def _reason(seen: RoomCandidates, free: RoomReading, rule: RoomReading) -> str:
    """How what is there differs from what should be."""
    names = [SHAPES[label] for label in free.labels if label != seen.nothing]
    shapes = [name for name in names if name != "arrow"]
    arrows = len(names) - len(shapes)
    if len(shapes) != 3:
        return f"{count(len(shapes), 'object')}, expected three" if names else "no objects"
    if arrows != 1:
        return f"{count(arrows, 'arrow')}, expected one"
    if len(set(shapes)) != 2:
        return f"all three shapes alike: {shapes[0]}s" if len(set(shapes)) == 1 else "all three shapes different"
    return _wrong_target(shapes, free) or _wrong_material(seen, free, rule)


def _wrong_target(shapes: list[str], free: RoomReading) -> str:
    """What the arrow points at, if that is not the odd one; three objects, two of them alike."""
    odd = min(shapes, key=shapes.count)
    if free.target is None:
        return "no object under the arrow's line"
    target = SHAPES[free.labels[free.target]]
    return "" if target == odd else f"the arrow points at a {target}; the odd one is the {odd}"


def _wrong_material(seen: RoomCandidates, free: RoomReading, rule: RoomReading) -> str:
    """Who is not of the common material."""
    strange = [
        f"the {SHAPES[label]} is {MATERIALS[own]}"
        for label, own, common in zip(free.labels, free.materials, rule.materials, strict=True)
        if label != seen.nothing and own != common
    ]
    if not strange:
        return "too unclear to obey the rule"
    return f"{listing(strange)}, the others {MATERIALS[rule.materials[0]]}"
