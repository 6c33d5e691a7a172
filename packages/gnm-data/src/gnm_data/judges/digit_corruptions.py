"""Scenes broken in one way, made of the data sets' own pieces: what a judge must reject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from torch import Tensor

from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.layout import Layout
from gnm_data.scenes.paint import paint
from gnm_data.scenes.randomness import Randomness

_GROUP = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3, 3])
_TRIES = 400
"""Places that are tried for one more digit."""


@dataclass(frozen=True)
class Digits:
    """The N digits of one scene, and the scene's measures."""

    labels: np.ndarray
    """(N,) int64."""
    corners: np.ndarray
    """(N, 2) int64 = (x, y): top-left corner of each digit's square."""
    size: int
    """Side of the picture, in pixels."""
    digit: int
    """Side of the squares, in pixels."""


def swapped(scene: Digits, random: np.random.Generator) -> Digits:
    """Two digits exchange their places; in MNIST-10 two of different groups."""
    labels = scene.labels.copy()
    while True:
        i, j = random.permutation(len(labels))[:2]
        if len(labels) == 4 or _GROUP[labels[i]] != _GROUP[labels[j]]:
            labels[[i, j]] = labels[[j, i]]
            return replace(scene, labels=labels)


def replaced(scene: Digits, random: np.random.Generator) -> Digits:
    """One digit is of another class."""
    labels = scene.labels.copy()
    place = random.integers(len(labels))
    labels[place] = (labels[place] + random.integers(1, 10)) % 10
    return replace(scene, labels=labels)


def removed(scene: Digits, random: np.random.Generator) -> Digits:
    """One digit is missing."""
    keep = np.arange(len(scene.labels)) != random.integers(len(scene.labels))
    return replace(scene, labels=scene.labels[keep], corners=scene.corners[keep])


def added(scene: Digits, random: np.random.Generator) -> Digits:
    """One digit more, of any class, where it covers no other; failing that, where it covers least."""
    tries = random.integers(0, scene.size - scene.digit + 1, (_TRIES, 2))
    distance = np.abs(tries[:, None] - scene.corners).max(-1).min(1)
    fits = np.flatnonzero(distance >= scene.digit)
    place = fits[0] if len(fits) else distance.argmax()
    return replace(
        scene,
        labels=np.append(scene.labels, random.integers(10)),
        corners=np.concatenate([scene.corners, tries[place : place + 1]]),
    )


def asymmetric(scene: Digits, random: np.random.Generator) -> Digits:
    """One digit stands aside by more than 4 pixels of 128, within its quadrant."""
    corners = scene.corners.copy()
    place, axis = random.integers(len(corners)), random.integers(2)
    here, half = corners[place, axis], scene.size // 2
    free = np.arange(half - scene.digit + 1) + (scene.size - half) * (here >= scene.size - half)
    away = np.abs(free - here)
    near = away[(away > 4 * scene.size / 128)].min()
    corners[place, axis] = random.choice(free[(away >= near) & (away <= near + ceil(scene.size / 16))])
    return replace(scene, corners=corners)


def wrong_quadrant(scene: Digits, random: np.random.Generator) -> Digits:
    """The groups of two neighbouring quadrants exchange them."""
    corners = scene.corners.copy()
    shift = scene.size - scene.size // 2
    far = corners >= shift
    axis, side = random.integers(2), bool(random.integers(2))
    moves = far[:, 1 - axis] == side
    corners[moves, axis] += np.where(far[moves, axis], -shift, shift)
    return replace(scene, corners=corners)


Corruption = Callable[[Digits, np.random.Generator], Digits]
FOUR: tuple[Corruption, ...] = (swapped, replaced, removed, added, asymmetric)
"""Ways to break a scene of MNIST-4."""
TEN: tuple[Corruption, ...] = (swapped, replaced, removed, added, wrong_quadrant)
"""Ways to break a scene of MNIST-10."""


def kinds(data: DigitScenes) -> tuple[Corruption, ...]:
    """The ways in which scenes of a data set can be broken."""
    return {"mnist-4": FOUR, "mnist-10": TEN}.get(data.name, (*FOUR, wrong_quadrant))


def corrupted(data: DigitScenes, kind: Corruption, indices: Sequence[int] | np.ndarray) -> Tensor:
    """The layouts of the scenes at `indices`, each broken in one way and painted with digits of the same split.

    Scenes of MNIST-4-10 that cannot be broken that way are left out.

    Returns:
        (B, 1, H, W) in [0, 1], the same for the same arguments.
    """
    images = np.asarray(indices, np.int64)
    layout = data.layout(images, Randomness(data.name, data.seed, data.split))
    glyphs = data.digits.glyphs(data.split, data.digit)
    pictures = []
    for image, labels, corners in zip(images, layout.labels, layout.corners, strict=True):
        present = labels >= 0
        if kind not in (FOUR if present.sum() == 4 else TEN):
            continue
        random = np.random.default_rng((data.seed, image))
        made = kind(Digits(labels[present], corners[present], data.dims.size, data.digit), random)
        chosen = glyphs.starts[made.labels] + random.integers(0, glyphs.counts[made.labels])
        pictures.append(paint(made.size, Layout(made.labels[None], made.corners[None]), glyphs, chosen[None]).image)
    return torch.from_numpy(np.concatenate(pictures))[:, None]
