"""The scenes that the page has seen: each by a number, unchanged for ever, the oldest forgotten when there are many."""

from collections import OrderedDict
from dataclasses import dataclass

from gnm_core.errors import EditError
from gnm_core.results import Scene

MOST = 1000
"""Scenes that are remembered: an hour of dragging and going back."""


@dataclass(frozen=True)
class Kept:
    """A scene and the model that made it."""

    model: int
    """Number of the model on the page."""
    scene: Scene
    """One scene."""


class Scenes:
    """Remembers scenes by number."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._next = 0

    def add(self, model: int, scene: Scene) -> int:
        """Remember a scene; its number."""
        number, self._next = self._next, self._next + 1
        self._kept[number] = Kept(model, scene)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return number

    def get(self, number: int) -> Kept:
        """The scene of a number.

        Raises:
            EditError: it is not known, or no longer.
        """
        if number not in self._kept:
            raise EditError(f"scene {number} is not known any more; take another or sample anew")
        self._kept.move_to_end(number)
        return self._kept[number]
