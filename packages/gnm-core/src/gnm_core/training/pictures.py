"""Pictures of a model at work, drawn while it trains."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from gnm_core.contracts import Data, Figure, Model
from gnm_core.diagnosis.caption import captioned
from gnm_core.dims import Dims
from gnm_core.evaluation import TRAINING as FIGURE
from gnm_core.evaluation_mode import observing
from gnm_core.files import replace_file
from gnm_core.plugins import installed
from gnm_core.randomness import seed_from
from gnm_core.results import Batch
from gnm_core.spec.single import build_part
from gnm_core.training.held_out import validation_of

EXAMPLES = 8
"""Images in a picture."""
STREAM = 1_000_003
"""Keeps a picture's randomness apart from the step's."""


class Pictures:
    """Draws the same few images after every so many steps.

    Args:
        folder: where the PNGs go.
        figure: draws them.
        batch: what it draws.
        seed: the training's seed.
    """

    def __init__(self, folder: Path, figure: Figure, batch: Batch, seed: int) -> None:
        self.folder, self.figure, self.batch, self.seed = folder, figure, batch, seed

    def draw(self, model: Model, step: int, caption: str = "") -> np.ndarray:
        """(height, width, 3) uint8, also written to `step-XXXXXXXX.png`; the model is left as it was."""
        with observing(model) as device:
            seed_from(self.seed, step, STREAM)
            pixels = self.figure.draw(model, Batch(self.batch.image.to(device), self.batch.truth))
        pixels = captioned(pixels, caption)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        self.folder.mkdir(exist_ok=True)
        replace_file(self.folder / f"step-{step:08d}.png", file.getvalue())
        return pixels


def training_figure(dims: Dims, say: Callable[[str], None]) -> Figure | None:
    """The registered figure `training`; without one, says what to install."""
    if installed().find("figure", FIGURE) is None:
        say(f"no pictures: no plugin provides the figure '{FIGURE}'; gnm-render does (pip install gnm-render)")
        return None
    return build_part(Figure, FIGURE, dims)  # type: ignore[type-abstract]


def examples(data: Data, count: int = EXAMPLES) -> Batch:
    """A few validation images, or training images where none were held back."""
    shown = validation_of(data) or data
    return shown.batch(range(min(count, len(shown))))
