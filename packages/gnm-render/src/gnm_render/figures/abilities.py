"""What figures ask of a model beyond its contract. A model has an ability by having its methods."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from gnm_core.completion import DecodesCodes
from gnm_core.contracts import Core, Model
from gnm_core.deprecated import warn_renamed
from gnm_core.editing import RendersSymbols
from gnm_core.errors import FigureError
from gnm_core.gnm.model import Symbols
from gnm_core.results import Batch, Drawing, Scene
from torch import Tensor

__all__ = [
    "DecodesCodes",
    "DescribesScenes",
    "DrawsInSteps",
    "RendersSymbols",
    "SamplesSymbols",
    "generator_of",
    "lacking",
    "require_pictures",
]


@runtime_checkable
class DescribesScenes(Protocol):
    """Puts a picture together from its scene code alone."""

    def reconstruct_from_scene(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the scene that the code of each picture describes by itself."""


@runtime_checkable
class DrawsInSteps(Protocol):
    """Draws its scene code step by step."""

    core: Core

    def draw(self, image: Tensor) -> Drawing:
        """(B, C, H, W) → the drawing of the mean of each picture's scene code."""

    def scene_of(self, drawing: Drawing) -> Scene:
        """The scene that a drawing describes."""


@runtime_checkable
class SamplesSymbols(Protocol):
    """Has symbols below its scene code, that can be sampled while the code stays."""

    def generate(self, n: int, code: Tensor | None = None, *, symbols: Symbols = "mode") -> Scene:
        """`n` scenes of the codes (n, L, S), or of fresh ones, with the mode or a sample of what lies below."""


def generator_of(model: Model) -> Callable[..., Scene] | None:
    """The model's `generate`, or what older models call `dream`; None for a model without."""
    if isinstance(model, SamplesSymbols):
        return model.generate
    older: Callable[..., Scene] | None = getattr(model, "dream", None)
    if older is not None:
        warn_renamed(f"{type(model).__name__}.dream", "generate")
    return older


def lacking(model: Model, what: str) -> FigureError:
    """The error of a model without an ability."""
    return FigureError(f"{type(model).__name__} lacks what this figure shows: {what}")


def require_pictures(batch: Batch, least: int = 1) -> None:
    """See that there are pictures to look at.

    Raises:
        FigureError: there are too few.
    """
    count = len(batch.image)
    if count < least:
        needed = "a picture" if least == 1 else f"{least} pictures at least"
        raise FigureError(f"this figure needs {needed}, and was given {count or 'none'}")
