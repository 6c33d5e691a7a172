"""The contract of everything that paints the Arrow Room."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from gnm_core.contracts import Contract

from gnm_data.arrow_room.room import Room


class Painter(Contract):
    """Scenes → pictures. It decides the colours of pixels and nothing else: truth comes from `truth`."""

    kind = "painter"
    describes = "Arrow Room scenes to pictures"

    @abstractmethod
    def paint(self, rooms: Sequence[Room], size: int) -> np.ndarray:
        """→ (B, size, size, 3) uint8 sRGB; each picture depends on its own room alone.

        Raises:
            DataError: the painter needs something that is missing or does not work.
        """
