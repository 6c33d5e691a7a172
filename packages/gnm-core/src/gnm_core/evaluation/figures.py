"""Pictures of a trained model at work: every registered figure, each a function of the model and a seed."""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gnm_core.contracts import Data, Figure, Model
from gnm_core.diagnosis.caption import caption_of, captioned
from gnm_core.diagnosis.of_run import of_run
from gnm_core.dims import Dims
from gnm_core.errors import DataError, FigureError, Problem, RunError, SpecError
from gnm_core.evaluation_mode import observing
from gnm_core.files import os_errors_as, replace_file
from gnm_core.plugins import installed
from gnm_core.regular_files import read_file
from gnm_core.results import Batch
from gnm_core.runs.checkpoint import Run
from gnm_core.signatures import signature_of
from gnm_core.spec import CheckedSpec
from gnm_core.spec.overrides import SOURCE
from gnm_core.spec.single import build_part

PICTURES = 8
"""Pictures of the data set that a figure is given, at least."""
FOLDER = "figures"
"""Where the pictures of an evaluation lie, in its folder."""
INDEX = "figures.json"
"""Lies beside the pictures, and says what each is, and why others are missing."""


TRAINING = "training"
"""Name of the figure that is drawn while a model trains."""


@dataclass(frozen=True)
class Drawn:
    """One figure, or why there is none."""

    kind: str
    """Registered name."""
    about: str
    """What it shows, in a line."""
    file: str | None = None
    """Name of the picture, beside the index; None where the model lacks what the figure shows."""
    reason: str = ""
    """Why there is no picture."""


def figure_kinds() -> list[str]:
    """The names of all registered figures, in the order of their registration."""
    return [name for kind, name in installed().parts if kind == "figure"]


def make_figure(kind: str, dims: Dims, overrides: Iterable[str] = (), count: int | None = None) -> Figure:
    """A registered figure.

    Args:
        kind: its name.
        dims: sizes of the model.
        overrides: options, as `figure.rows=4`.
        count: how many scenes it shows: its option `rows` or `count`, whichever it has.

    Raises:
        SpecError: there is no figure of that name, or it has no such option; the alternatives are named.
    """
    overrides = list(overrides)
    for text in overrides:
        if not text.strip().startswith("figure."):
            raise SpecError([Problem(f"{text!r} is no option of a figure, such as figure.rows=4", source=SOURCE)])
    return build_part(Figure, kind, dims, [*_counting(kind, count), *overrides])  # type: ignore[type-abstract]


def _counting(kind: str, count: int | None) -> list[str]:
    entry = installed().find("figure", kind)
    if entry is None or count is None:
        return []
    options = {option.name for option in signature_of(entry.target).options}
    return [f"figure.{name}={count}" for name in ("rows", "count") if name in options]


def pictures_of(
    spec: CheckedSpec,
    count: int | None = None,
    split: str | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Batch:
    """Pictures for figures: the first of the test split, or of another where that one is empty.

    Args:
        spec: names the data set.
        count: how many scenes the figures show; they get enough pictures for twice as many.
        split: take this one and no other.
        say: told what the data set notes of itself.

    Raises:
        SpecError: the spec names no data set.
        DataError: its files are missing, or the split is empty.
    """
    count = max(PICTURES, 2 * (count or 0))
    for name in (split,) if split else ("test", "validation", "train"):
        data = _at(spec, name, strict=split is not None)
        if data is not None and len(data) > 0:
            for note in data.notes():
                say(note)
            return data.batch(range(min(count, len(data))))
    raise DataError(f"the data set has no pictures{f' at the split {split}' if split else ''}")


def _at(spec: CheckedSpec, split: str, strict: bool) -> Data | None:
    if strict or split == "train":
        return spec.data(split)
    try:
        return spec.data(split)
    except DataError:
        return None


def no_pictures(dims: Dims) -> Batch:
    """For figures of a model whose data set is not at hand: those that only sample can still be drawn."""
    return Batch(torch.zeros(0, dims.channels, dims.size, dims.size))


def draw_figure(figure: Figure, model: Model, batch: Batch, seed: int = 0) -> np.ndarray:
    """(height, width, 3) uint8: a function of the arguments alone; model and random state are left as they were.

    Raises:
        FigureError: the model, or the batch, lacks what the figure shows.
    """
    with observing(model, seed) as device:
        return figure.draw(model, Batch(batch.image.to(device), batch.truth))


def draw_figures(
    run: Run,
    folder: Path,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
    only: Sequence[str] | None = None,
    other: str = "",
) -> list[Drawn]:
    """Draw every registered figure into `folder/figures/KIND.png`, and an index of them beside these.

    The figure of the training display is left out: it repeats parts of the others.

    Args:
        run: a trained model and its spec, which names the data set.
        folder: where an evaluation is kept; made if need be.
        seed: of all randomness.
        say: told what is drawn, and what is not.
        only: names of figures; None for all.
        other: what the data is called, where it is not what the run learnt from.

    Raises:
        RunError: a file cannot be written.
    """
    folder = folder / FOLDER
    batch, missing = _pictures_or_none(run)
    caption = _caption(run, batch, other, say)
    drawn = []
    for kind in (kind for kind in figure_kinds() if kind != TRAINING and (only is None or kind in only)):
        about = about_figure(kind)
        try:
            pixels = draw_figure(make_figure(kind, run.model.dims), run.model, batch, seed)
        except FigureError as error:
            reason = f"{error}{missing}"
        except Exception as error:  # a figure with a fault must not cost the others, nor the report
            reason = f"it fails: {type(error).__name__}: {' '.join(str(error).split())}"
        else:
            reason = ""
        if reason:
            drawn.append(Drawn(kind, about, reason=reason))
            say(f"figure {kind}: not drawn: {reason}")
            continue
        write_png(folder / f"{kind}.png", captioned(pixels, caption))
        drawn.append(Drawn(kind, about, file=f"{kind}.png"))
        say(f"figure {kind}: {folder / f'{kind}.png'}")
    if not drawn:
        say("no figures: no plugin provides any; gnm-render does (pip install gnm-render)")
        return []
    _write_index(folder / INDEX, drawn, seed)
    return drawn


def _caption(run: Run, batch: Batch, other: str, say: Callable[[str], None]) -> str:
    """What is wrong with the model, below each of its pictures."""
    try:
        return caption_of(of_run(run, batch.image), other)
    except Exception as error:  # a model with a fault must not cost the figures that can be drawn
        say(f"no diagnosis: {type(error).__name__}: {' '.join(str(error).split())}")
        return ""


def _pictures_or_none(run: Run) -> tuple[Batch, str]:
    """The pictures, or none and the reason in brackets."""
    try:
        return pictures_of(run.spec), ""
    except (DataError, SpecError) as error:
        return no_pictures(run.model.dims), f" ({' '.join(str(error).split())})"


def about_figure(kind: str) -> str:
    """What a registered figure shows, in a line."""
    entry = installed().find("figure", kind)
    return "" if entry is None else signature_of(entry.target).summary


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write a picture, as small as PNG makes it.

    Raises:
        RunError: it cannot be written.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    with os_errors_as(RunError, f"{path}: cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, file.getvalue())


def _write_index(path: Path, drawn: Sequence[Drawn], seed: int) -> None:
    content = json.dumps({"seed": seed, "figures": [vars(one) for one in drawn]}, indent=2, ensure_ascii=False)
    with os_errors_as(RunError, f"{path}: cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, (content + "\n").encode())


def read_figures(folder: Path) -> list[Drawn]:
    """What `draw_figures` noted in that folder; empty where it has not drawn.

    Raises:
        RunError: the index is damaged.
    """
    path = folder / FOLDER / INDEX
    if not path.exists():
        return []
    with os_errors_as(RunError, f"{path}: cannot be read"):
        content = read_file(path)
    try:
        return [Drawn(**one) for one in json.loads(content)["figures"]]
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}") from error
