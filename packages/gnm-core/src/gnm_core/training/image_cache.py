"""Images that are kept in memory once making them holds a training up."""

import os
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gnm_core.contracts import Data

MOST = 2**30
"""Bytes that are kept at most; less where the machine has less than four times as much to spare."""
WATCHED = 50
"""Steps over which the waiting is judged."""
TOO_LONG = 0.1
"""Share of the time that may be waited for images before they are kept."""


class KeptImages:
    """The images of a data set, each made once if that takes too long to do it again, as far as memory goes.

    An image is a pure function of its index, so that keeping it changes nothing but the time. Images of 256 levels are
    kept as bytes.

    Args:
        data: makes the images.
        announce: told when images begin to be kept, and when there is no more room.
        most: bytes at most.
    """

    def __init__(
        self, data: Data, announce: Callable[[str], None] = lambda text: None, most: int | None = None
    ) -> None:
        self._data, self._announce = data, announce
        self._most = _room() if most is None else most
        self._kept: dict[int, Tensor] = {}
        self._bytes, self._keeps, self._full = 0, False, False
        self._steps, self._waited, self._took = 0, 0.0, 0.0

    def batch(self, indices: np.ndarray) -> Tensor:
        """The images (B, C, H, W) at `indices` (B,), in [0, 1].

        Raises:
            DataError: an image cannot be made.
        """
        if not self._keeps:
            return self._data.batch(indices).image
        wanted = indices.tolist()
        new = list(dict.fromkeys(index for index in wanted if index not in self._kept))
        made = dict(zip(new, self._data.batch(np.array(new)).image, strict=True)) if new else {}
        for index, image in made.items():
            self._keep(index, image)
        return torch.stack([made[index] if index in made else _as_image(self._kept[index]) for index in wanted])

    def watch(self, waited: float, took: float) -> None:
        """Judge by one more step whether images must be kept.

        Args:
            waited: seconds that it waited for its images.
            took: seconds that it took in all.
        """
        if self._keeps:
            return
        self._steps, self._waited, self._took = self._steps + 1, self._waited + waited, self._took + took
        if self._steps < WATCHED:
            return
        share, self._steps = self._waited / max(self._took, 1e-9), 0
        self._waited = self._took = 0.0
        if share > TOO_LONG:
            self._announce(
                f"{share:.0%} of the time is spent waiting for images: from now on they are kept in memory, "
                f"{self._most / 2**20:,.0f} MiB of them at most"
            )
            self._keeps = True

    def _keep(self, index: int, image: Tensor) -> None:
        if self._full:
            return
        levels = (image * 255).round()
        kept = levels.to(torch.uint8) if torch.equal(levels / 255, image) else image.clone()
        size = kept.numel() * kept.element_size()
        if self._bytes + size > self._most:
            self._full = True
            self._announce(f"{len(self._kept):,} of {len(self._data):,} images are kept; the others are made each time")
            return
        self._kept[index] = kept
        self._bytes += size


def _as_image(kept: Tensor) -> Tensor:
    return kept.float() / 255 if kept.dtype == torch.uint8 else kept


def _room() -> int:
    """This process's share of a quarter of the memory that nobody uses, and not more than `MOST`."""
    try:
        spare = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):  # a system that does not tell
        return MOST
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # of one training on this machine, as torchrun says
    return min(MOST, spare // 4 // processes)
