"""Squares that do not overlap, at random places of a quadrant."""

import numpy as np

from gnm_data.scenes.randomness import Randomness, scaled

_AT_ONCE = 16
"""Candidates that are drawn for each scene in one round."""
_ROUNDS = 16
"""Rounds of candidates before each square goes to a quarter of its own: about two in a million scenes of 64 px."""


def place(half: int, digit: int, count: int, *, images: np.ndarray, random: Randomness, stream: int) -> np.ndarray:
    """Uniformly random places of `count` squares that do not overlap: the first of many candidates that fits.

    After `_ROUNDS` rounds a scene still without a place puts each square into its own quarter of the quadrant,
    quarters and places within them at random; so the work is bounded and the rule always holds.

    Args:
        half: side of the quadrant, in pixels; at least twice `digit`.
        digit: side of the squares, in pixels.
        count: squares, 2 to 4.
        images: (B,) int64, indices of the scenes.
        random: numbers that belong to each scene.
        stream: which of them to use; streams congruent modulo 8 are taken too.

    Returns:
        (B, count, 2) int64 = (x, y): top-left corners of the squares in the quadrant.
    """
    corners = np.empty((len(images), count, 2), np.int64)
    pending = np.arange(len(images))
    for round_ in range(_ROUNDS):
        tries = random.below(half - digit + 1, images[pending], stream + 8 * round_, _AT_ONCE * count * 2)
        tries = tries.reshape(-1, _AT_ONCE, count, 2)
        fits = _apart(tries, digit)
        best = fits.argmax(1)
        found = fits[np.arange(len(pending)), best]
        corners[pending[found]] = tries[found, best[found]]
        pending = pending[~found]
        if not len(pending):
            return corners
    corners[pending] = _in_quarters(
        half, digit, count, random.bits(images[pending], stream + 8 * _ROUNDS, 4 + 2 * count)
    )
    return corners


def _apart(corners: np.ndarray, digit: int) -> np.ndarray:
    """(..., count, 2) corners → (...) bool: no two squares overlap."""
    fits = np.ones(corners.shape[:-2], bool)
    for later in range(1, corners.shape[-2]):
        for earlier in range(later):
            fits &= (np.abs(corners[..., later, :] - corners[..., earlier, :]) >= digit).any(-1)
    return fits


def _in_quarters(half: int, digit: int, count: int, bits: np.ndarray) -> np.ndarray:
    """(B, 4 + 2 count) random bits → (B, count, 2) corners, each square in a quarter of its own."""
    quarter = np.argsort(bits[:, :4], axis=1)[:, :count]
    within = scaled(bits[:, 4:], half // 2 - digit + 1).reshape(-1, count, 2)
    return within + np.stack([quarter % 2, quarter // 2], -1) * (half - half // 2)
