"""Pictures that the digit networks learn from: any number of digits anywhere, and ghosts and fragments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnm_data.digits.contract import DigitSource
from gnm_data.judges.augmentation import blur, noise, thicken
from gnm_data.judges.canvas import SIDE, scale
from gnm_data.splits import Split

NOTHING = 10
"""Label of what is not a digit."""

_SIZES = (
    *[(128, 20)] * 6,
    *[(64, 14)] * 2,
    *[(64, 12)] * 3,
    *[(128, 17), (128, 23), (128, 27), (96, 16)],
)
"""Side of the picture and side of its digits: those of the data sets, and others near them."""
_MAX_OBJECTS = 13
"""Most digits, ghosts and fragments in a picture."""
_GROUP = 8
"""So many pictures in a row are of one size, with digits of one source."""


@dataclass(frozen=True)
class DigitBatch:
    """B pictures and what is in them: M digits, ghosts and fragments in all."""

    canvas: Tensor
    """(B, 1, 128, 128) in [0, 1]."""
    scene: Tensor
    """(M,) int64: the picture that each is in."""
    labels: Tensor
    """(M,) int64: 0 to 9, or `NOTHING` for ghosts and fragments."""
    centres: Tensor
    """(M, 2) = (x, y): middle of the ink's box, in pixels of the canvas."""
    sizes: Tensor
    """(M,) longest side, in pixels of the canvas."""


class DigitTrainingData:
    """Makes training pictures.

    Args:
        sources: where digits are taken from, each in proportion to the root of the number of its digits: a small source
            is heard, and its digits are not learned by heart.
        split: which of their digits.
    """

    def __init__(self, sources: Sequence[DigitSource], split: Split) -> None:
        self.sources = sources
        self.split: Split = split
        roots = np.sqrt([source.glyphs(split, _SIZES[0][1]).counts.sum() for source in sources])
        self._shares = roots / roots.sum()

    def make(self, count: int, seed: int) -> DigitBatch:
        """`count` pictures, the same for the same seed."""
        random = np.random.default_rng(seed)
        torch_random = torch.Generator().manual_seed(seed)
        return _concatenated(
            [self._group(min(_GROUP, count - done), random, torch_random) for done in range(0, count, _GROUP)]
        )

    def _group(self, count: int, random: np.random.Generator, torch_random: torch.Generator) -> DigitBatch:
        """Pictures of one size, with digits of one source."""
        side, digit = _SIZES[random.integers(len(_SIZES))]
        scene, corners = _places(random, count, side, digit)
        total = len(scene)
        labels = random.integers(0, 10, total)
        glyphs = self.sources[int(random.choice(len(self.sources), p=self._shares))].glyphs(self.split, digit)
        picked = glyphs.pick(glyphs.starts[labels] + random.integers(0, glyphs.counts[labels]))
        ink = picked.images.astype(np.float32) / 255
        kind = random.choice(3, total, p=(0.84, 0.08, 0.08))  # digit, ghost, fragment
        broken = (random.random(total) < 0.1) & (kind == 0)
        ink[broken] = _broken(random, ink[broken], picked.sides[broken])
        ink[kind == 2] = _fragment(random, ink[kind == 2])
        strength = np.where(kind == 1, random.uniform(0.04, 0.24, total), random.uniform(0.65, 1.0, total))
        ink *= strength[:, None, None].astype(np.float32)
        starts = corners + (digit - picked.sides) // 2
        image = np.zeros((count, side, side), np.float32)
        for which, where, (x0, y0), (width, height) in zip(
            range(total), scene, starts.tolist(), picked.sides.tolist(), strict=True
        ):
            view = image[where, y0 : y0 + height, x0 : x0 + width]
            np.maximum(view, ink[which, :height, :width], out=view)
        ratio = SIDE / side
        return DigitBatch(
            canvas=scale(_distorted(torch.from_numpy(image)[:, None], digit, random, torch_random), SIDE),
            scene=torch.from_numpy(scene),
            labels=torch.from_numpy(np.where(kind == 0, labels, NOTHING)),
            centres=torch.from_numpy((starts + picked.sides / 2).astype(np.float32)) * ratio,
            sizes=torch.full((total,), digit * ratio),
        )


def _concatenated(parts: Sequence[DigitBatch]) -> DigitBatch:
    """All pictures of the parts, in order."""
    starts = np.cumsum([0, *(len(part.canvas) for part in parts)])
    return DigitBatch(
        canvas=torch.cat([part.canvas for part in parts]),
        scene=torch.cat([part.scene + int(start) for part, start in zip(parts, starts, strict=False)]),
        labels=torch.cat([part.labels for part in parts]),
        centres=torch.cat([part.centres for part in parts]),
        sizes=torch.cat([part.sizes for part in parts]),
    )


def _places(random: np.random.Generator, count: int, side: int, digit: int) -> tuple[np.ndarray, np.ndarray]:
    """Scene (M,) and top-left corner (M, 2) of squares; in some scenes they crowd, so that digits touch."""
    crowded = random.random((count, 1, 1)) < 0.3
    apart = digit * np.where(crowded, random.uniform((0.5, 0.8), 1.0, (count, 1, 2)), 1.0)
    free = side - digit + 1
    window = np.where(crowded, random.uniform(0.3, 1.0, (count, 1, 1)), 1.0) * free
    start = random.random((count, 1, 2)) * (free - window)
    corners = (start + window * random.random((count, 3 * _MAX_OBJECTS, 2))).astype(np.int64)
    offset = np.abs(np.expand_dims(corners, 2) - np.expand_dims(corners, 1))
    near = (offset < np.expand_dims(apart, 1)).all(-1)
    kept = np.zeros((count, 3 * _MAX_OBJECTS), bool)
    for place in range(3 * _MAX_OBJECTS):
        kept[:, place] = ~(near[:, place] & kept).any(1)
    kept &= kept.cumsum(1) <= random.integers(0, _MAX_OBJECTS + 1, (count, 1))
    return kept.nonzero()[0], corners[kept]


def _broken(random: np.random.Generator, ink: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Digits with two straight gaps across the middle half; those that would lose most of their ink stay whole."""
    digit, unbroken = ink.shape[-1], ink
    y, x = np.mgrid[:digit, :digit] + 0.5
    for _ in range(2):
        angle = random.uniform(0, np.pi, len(ink))[:, None, None]
        middle = sides * random.uniform(0.25, 0.75, sides.shape)
        across = (x - middle[:, 0, None, None]) * np.cos(angle) + (y - middle[:, 1, None, None]) * np.sin(angle)
        ink = ink * (np.abs(across) > digit * random.uniform(0.0, 0.05, len(ink))[:, None, None])
    most = ink.sum((1, 2)) > 0.6 * unbroken.sum((1, 2))
    return np.where(most[:, None, None], ink, unbroken)


def _fragment(random: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """What a disc about some spot of ink holds: at most two fifths of the digit's length."""
    digit = ink.shape[-1]
    y, x = np.mgrid[:digit, :digit]
    pieces = np.zeros_like(ink)
    for place, one in enumerate(ink):
        spots = np.argwhere(one >= one.max() / 2)  # all of a blank picture
        row, column = spots[random.integers(len(spots))]
        pieces[place] = one * (np.hypot(y - row, x - column) < digit * random.uniform(0.05, 0.2))
    return pieces


def _distorted(image: Tensor, digit: int, random: np.random.Generator, torch_random: torch.Generator) -> Tensor:
    """Strokes, blur, contrast and noise, each in some of the pictures."""
    count = len(image)

    def sometimes(chance: float, low: float, high: float) -> Tensor:
        return torch.from_numpy((random.random(count) < chance) * random.uniform(low, high, count)).float()

    image = thicken(image, sometimes(0.3, -0.35, 0.6))
    image = blur(image, sometimes(0.5, 0.1, 0.11) * digit * torch.from_numpy(random.random(count)).float())
    image = image * (1 - sometimes(0.5, 0.0, 0.3))[:, None, None, None]
    image = image ** (1 + sometimes(0.3, -0.35, 0.5))[:, None, None, None]
    return noise(image, sometimes(0.35, 0.0, 0.16), torch_random)
