"""COCO's run lengths of a mask: how many pixels, column by column, are outside and inside in turn, outside first.

As a text each length is written in groups of five bits, and from the fourth on less the one before the last.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def run_lengths(mask: np.ndarray) -> list[int]:
    """(H, W) bool → the lengths."""
    flat = mask.T.reshape(-1).astype(np.int8)
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return [end - start for start, end in pairwise([0, *edges, flat.size])]


def mask_of(lengths: Sequence[int], height: int, width: int) -> np.ndarray:
    """The lengths → (height, width) bool.

    Raises:
        ValueError: they are not those of a mask of this size.
    """
    if any(length < 0 for length in lengths) or sum(lengths) != height * width:
        raise ValueError(f"run lengths of {sum(lengths)} pixels in all; expected {height} x {width}")
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape(width, height).T


def to_text(lengths: Sequence[int]) -> str:
    """The lengths as COCO's text."""
    letters = []
    for i, length in enumerate(lengths):
        left, more = length - (lengths[i - 2] if i > 2 else 0), True
        while more:
            bits, left = left & 31, left >> 5
            more = left != (-1 if bits & 16 else 0)
            letters.append(chr(48 + bits + 32 * more))
    return "".join(letters)


def from_text(text: str) -> list[int]:
    """COCO's text → the lengths.

    Raises:
        ValueError: it is no such text.
    """
    lengths: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"run lengths with the letter {letter!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (1 << shift) if bits & 16 else 0
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("run lengths that end in the middle of a number")
    return lengths
