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
from gnm_data.judges.reading import UNSEEN
from gnm_data.judges.room_reader import ARROW, RoomCandidates, RoomReader
from gnm_data.judges.wording import count, listing

THRESHOLD = -0.6
"""Least margin of a room that obeys the rule, in nats; chosen on validation rooms."""
_ANGLE_DEVIATION = np.radians(7.0)
"""Standard deviation of the angle between the arrow and what it points at, as seen in one crop ..."""
_LOST = 1e-3
"""... and the likelihood of any angle, for when no crop shows it rightly."""
_MISS = -3.5
"""Log-likelihood of an arrow that points at nothing; that of one that points right at an object is 0."""
_ODD, _PAIR = np.array(list(permutations(range(ARROW), 2))).T
"""Shape of the odd object and of the other two, in each of six ways."""
_MAX_CANDIDATES = 7
"""Candidates that are considered for a body, those least like nothing."""


class ArrowRoomJudge(Judge):
    """Of three objects exactly two share a shape; the arrow points at the odd one; all four are of one material.

    The best reading that obeys the rule is compared with the best one of any kind: for every body its shape or
    nothing, for every object how far beside it the arrow points, and one material against each body's own.
    """

    channels: ClassVar[int] = 3
    """C of the pictures that it looks at."""
    name: ClassVar[str] = "arrow-room"
    version: str = "5"

    def __init__(self) -> None:
        self._reader = RoomReader()

    def judge(self, images: Tensor) -> list[Verdict]:
        """(B, 3, H, W) in [0, 1], of any size → one verdict a picture.

        Raises:
            DataError: the pictures are not square, or not coloured.
        """
        finite = torch.isfinite(images).flatten(1).all(1).tolist()
        unit = images.shape[-1] / SIDE
        return [
            self._verdict(readings, unit, is_finite)
            for readings, is_finite in zip(self.read(images), finite, strict=True)
        ]

    def read(self, images: Tensor) -> list["RoomReadings"]:
        """(B, 3, H, W) in [0, 1] → the readings of each picture, with the rule and without it.

        Raises:
            DataError: the pictures are not square, or not coloured.
        """
        return [RoomReadings(found, _unconstrained(found), _constrained(found)) for found in self._reader.read(images)]

    def _verdict(self, readings: "RoomReadings", unit: float, is_finite: bool) -> Verdict:
        candidates, reading = readings.candidates, readings.chosen
        reason = (
            "" if reading is readings.constrained else _reason(candidates, readings.unconstrained, readings.constrained)
        )
        if not is_finite:
            reason = "some pixels are not numbers"
        objects = tuple(
            (SHAPES[label], float(x * unit), float(y * unit))
            for label, (x, y) in zip(reading.labels, candidates.places, strict=True)
            if label != candidates.nothing
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
    """The candidates of one picture, and the two readings of it that are compared."""

    candidates: RoomCandidates
    unconstrained: RoomReading
    """The best reading of any kind."""
    constrained: RoomReading
    """The best reading that obeys the rule."""

    @property
    def margin(self) -> float:
        """Nats by which the constrained reading falls behind; at most 0."""
        return min(0.0, self.constrained.score - self.unconstrained.score)

    @property
    def chosen(self) -> RoomReading:
        """The reading that is believed."""
        return self.constrained if self.margin >= THRESHOLD else self.unconstrained


def _unconstrained(candidates: RoomCandidates) -> RoomReading:
    """The best reading of any kind: each body by itself, the arrow pointing at the object nearest to its line."""
    labels, materials = candidates.scores.argmax(1), candidates.materials.argmax(1)
    present = labels != candidates.nothing
    score = candidates.scores.max(1).sum() + candidates.materials.max(1)[present].sum()
    arrows, objects = np.flatnonzero(labels == ARROW), np.flatnonzero(present & (labels != ARROW))
    target = None
    if len(arrows) == 1:
        pointing = _pointing(candidates)[arrows[0], [*objects, len(labels)]]
        score += pointing.max()
        target = int(objects[pointing.argmax()]) if pointing.argmax() < len(objects) else None
    return RoomReading(float(score), labels, target, materials)


def _constrained(candidates: RoomCandidates) -> RoomReading:
    """The best reading that obeys the rule; a body without a candidate is unseen."""
    kept = np.sort(candidates.scores[:, -1].argsort(kind="stable")[:_MAX_CANDIDATES])
    unseen = len(kept)
    arrow, odd, one, two = _role_assignments(unseen)
    gain = np.full((unseen + 1, len(SHAPES)), UNSEEN)
    gain[:-1] = (candidates.scores[:, :-1] - candidates.scores[:, -1:])[kept]
    materials = np.zeros((unseen + 1, len(MATERIALS)))
    materials[:-1] = candidates.materials[kept]
    pointing = np.zeros((unseen + 1, unseen + 1))
    pointing[:-1] = _pointing(candidates)[kept][:, [*kept, len(candidates.scores)]]
    score = gain[arrow, ARROW] + pointing[arrow, odd]
    score += (materials[arrow] + materials[odd] + materials[one] + materials[two]).max(1)
    score = score[:, None] + gain[odd][:, _ODD] + gain[one][:, _PAIR] + gain[two][:, _PAIR]
    best, shapes = np.unravel_index(score.argmax(), score.shape)

    labels = np.full(unseen + 1, candidates.nothing)
    labels[[one[best], two[best]]] = _PAIR[shapes]
    labels[odd[best]] = _ODD[shapes]
    labels[arrow[best]] = ARROW
    roles = [arrow[best], odd[best], one[best], two[best]]
    all_labels = np.full(len(candidates.scores), candidates.nothing)
    all_labels[kept] = labels[:-1]
    return RoomReading(
        float(score[best, shapes] + candidates.scores[:, -1].sum()),
        all_labels,
        int(kept[odd[best]]) if odd[best] < unseen else None,
        np.full(len(all_labels), materials[roles].sum(0).argmax()),
    )


@lru_cache
def _role_assignments(count: int) -> np.ndarray:
    """(4, K): every way to make candidates the arrow, the odd object and the pair; `count` stands for one unseen."""
    roles = np.stack(np.meshgrid(*[np.arange(count + 1)] * 4, indexing="ij")).reshape(4, -1)
    twice = [(roles[i] == roles[j]) & (roles[i] < count) for i, j in combinations(range(4), 2)]
    return roles[:, ~np.any(twice, 0) & (roles[2] <= roles[3])]


def _pointing(candidates: RoomCandidates) -> np.ndarray:
    """(N, N + 1): how well candidate i, as an arrow, points at candidate j, and last at nothing; a log-likelihood."""
    to = (candidates.floor - candidates.floor[:, None])[:, None]
    ahead = candidates.headings[:, :, None]
    across = ahead[..., 0] * to[..., 1] - ahead[..., 1] * to[..., 0]
    angles = np.arctan2(across, (ahead * to).sum(-1))
    fits = np.exp(-((angles / _ANGLE_DEVIATION) ** 2) / 2).mean(1)
    return np.pad(np.log(np.minimum(fits + _LOST, 1.0)), ((0, 0), (0, 1)), constant_values=_MISS)


def _reason(candidates: RoomCandidates, free: RoomReading, rule: RoomReading) -> str:
    """How what is there differs from what should be."""
    names = [SHAPES[label] for label in free.labels if label != candidates.nothing]
    shapes = [name for name in names if name != "arrow"]
    arrows = len(names) - len(shapes)
    if len(shapes) != 3:
        return f"{count(len(shapes), 'object')}, expected three" if names else "no objects"
    if arrows != 1:
        return f"{count(arrows, 'arrow')}, expected one"
    if len(set(shapes)) != 2:
        return f"all three shapes alike: {shapes[0]}s" if len(set(shapes)) == 1 else "all three shapes different"
    return _wrong_target(shapes, free) or _wrong_material(candidates, free, rule)


def _wrong_target(shapes: list[str], free: RoomReading) -> str:
    """What the arrow points at, if that is not the odd one; three objects, two of them alike."""
    odd = min(shapes, key=shapes.count)
    if free.target is None:
        return "no object under the arrow's line"
    target = SHAPES[free.labels[free.target]]
    return "" if target == odd else f"the arrow points at a {target}; the odd one is the {odd}"


def _wrong_material(candidates: RoomCandidates, free: RoomReading, rule: RoomReading) -> str:
    """Who is not of the common material."""
    deviating = [
        f"the {SHAPES[label]} is {MATERIALS[own]}"
        for label, own, common in zip(free.labels, free.materials, rule.materials, strict=True)
        if label != candidates.nothing and own != common
    ]
    if not deviating:
        return "too unclear to obey the rule"
    return f"{listing(deviating)}, the others {MATERIALS[rule.materials[0]]}"
