"""What suits the pictures of a folder: sizes, boxes, ground, splits."""

import math
from dataclasses import dataclass

from gnm_core.starting.folder_look import SIDE, FolderLook
from gnm_core.starting.object_size import SizeGuess

SMALLEST = 8.0
"""Pixels of the model's square that an object must have, or the square is made larger."""
ROOM = 1.15
"""A box begins so many times as large as an object: with some ground about it."""
UNKNOWN = 14 / 64
"""An object's share of the picture's side, for want of anything better."""
FEW = 20
"""Pictures below which none are held back."""


@dataclass(frozen=True)
class ObjectSize:
    """How large an object usually is."""

    pixels: float
    """Side of its box, in pixels of the pictures as they are."""
    source: str
    """Who says so, in words."""
    guessed: bool


@dataclass(frozen=True)
class Recipe:
    """What a spec says that is not in its base."""

    base: str
    why: str
    """Why this base, in words."""
    channels: int
    size: int
    """Side of the model's square, in pixels."""
    grid: int
    object_side: float
    """Of the usual object, in pixels of that square."""
    box: float
    """Where boxes begin: their share of the picture's side."""
    hold_back: bool
    """Whether there are enough pictures to hold some back."""

    @property
    def scale(self) -> float:
        """The mean of z^where's first number: box = sigmoid(scale)."""
        return math.log(self.box / (1 - self.box))


def guessed_size(look: FolderLook, guess: SizeGuess | None) -> ObjectSize:
    """A guess as a size in pixels of the pictures."""
    scale = look.shorter / SIDE
    if guess is None:
        return ObjectSize(
            UNKNOWN * look.shorter, "a guess for want of anything better: nothing stands out of the ground", True
        )
    source = f"a guess from {guess.patches:,} patches that stand out of the ground in {guess.pictures:,} pictures"
    return ObjectSize(round(guess.side * scale, 1), source, True)


def recipe_for(look: FolderLook, size: ObjectSize, *, short: bool = False) -> Recipe:
    """Choose.

    Args:
        look: what the folder is like.
        size: how large an object is.
        short: symbols alone, in some minutes.
    """
    share = min(0.9, size.pixels / look.shorter)
    side = SIDE if share * SIDE >= SMALLEST else 2 * SIDE
    alone = look.on_black and not look.colour
    if alone:
        base, why = "gnm-64", "objects on black need neither masks nor a background"
    else:
        base, why = f"own-pictures-64{'-short' if short else ''}", "objects get masks, and their ground a background"
    return Recipe(
        base=base,
        why=why,
        channels=3 if look.colour else 1,
        size=side,
        grid=side // 16,
        object_side=share * side,
        box=min(0.9, ROOM * share),
        hold_back=look.count >= FEW,
    )
