"""Laws of figures."""

from typing import Any

import numpy as np
import torch

from gnm_core.contracts import Figure
from gnm_core.errors import FigureError
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import ConformanceError, require
from gnm_core.testing.subjects import bare_context, full_context, other_pictures


def _drawn(figure: Figure, model: Any, batch: Any) -> np.ndarray | None:
    torch.manual_seed(7)
    try:
        return figure.draw(model, batch)
    except FigureError as error:
        require(bool(str(error)), "it refuses to draw without saying why")
        return None


def _require_picture(name: str, picture: Any) -> None:
    shape, kind = getattr(picture, "shape", None), getattr(picture, "dtype", type(picture).__name__)
    require(kind == np.uint8, f"{name} is of {kind}; expected uint8")
    fits = shape is not None and len(shape) == 3 and shape[2] == 3 and min(shape) > 0
    require(fits, f"{name} has shape {shape}; expected (height, width, 3)")


@law(Figure)
def a_picture_of_bytes(bench: Bench) -> None:
    """(height, width, 3) uint8, the same from the same random state; model and batch stay as they are."""
    figure, drawn = bench.build(), 0
    for subject in (full_context(bench.dims), bare_context(bench.dims)):
        model, batch = subject.model, subject.split.batch(range(4))
        image, weights = batch.image.clone(), {name: value.clone() for name, value in model.state_dict().items()}
        first, second = _drawn(figure, model, batch), _drawn(figure, model, batch)
        require(torch.equal(batch.image, image), "it changes the batch's images")
        same = all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
        require(same and not model.training, "it changes the model")
        if first is None:
            continue
        drawn += 1
        _require_picture("the picture", first)
        require(second is not None and np.array_equal(first, second), "two pictures from one random state differ")
    if not drawn:
        raise NotHere("it draws neither of the kit's models")


@law(Figure)
def pictures_of_every_kind(bench: Bench) -> None:
    """Colour and grey, large and small, one and none at all: it draws, or says in a `FigureError` what it lacks."""
    figure, dims = bench.build(), bench.dims
    for said, sizes, batch in (
        ("of one picture", dims, 1),
        ("without pictures", dims, 0),
        *((f"of pictures {said}", sizes, 4) for said, sizes in other_pictures(dims).items()),
    ):
        context = full_context(sizes)
        try:
            picture = _drawn(figure, context.model, context.split.batch(range(batch)))
        except ConformanceError:
            raise
        except Exception as error:
            raise AssertionError(f"with a batch {said}: {type(error).__name__}: {error}") from error
        if picture is not None:
            _require_picture(f"with a batch {said} the picture", picture)
