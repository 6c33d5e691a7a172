"""Objects found in pictures as one file for other programs: COCO, CSV or Parquet."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gnm_core.errors import FigureError, GnmError, RunError
from gnm_core.evaluation import segment
from gnm_core.files import os_errors_as, replace_file
from gnm_core.parts.data.picture import Frame, Picture
from gnm_core.results import Components, Objects
from gnm_core.run_lengths import run_lengths, to_text

from gnm_render.cli.outputs import write_json
from gnm_render.figures.layers import object_number

Format = Literal["coco", "csv", "parquet"]
FILES: dict[Format, str] = {"coco": "predictions.json", "csv": "predictions.csv", "parquet": "predictions.parquet"}
"""Name of the file in each format."""
LABEL = "object"
"""Class of everything: models name no classes."""
VISIBLE = 0.1
"""Least share of a pixel's object; the pixel is that of the largest share."""


@dataclass(frozen=True)
class Source:
    """A picture that objects were looked for in."""

    file: str
    """Its name."""
    id: int | str
    width: int
    """In pixels, as it is displayed."""
    height: int


@dataclass(frozen=True)
class Found:
    """One object, in pixels of its picture."""

    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float
    """0 to 1: ranks the objects."""
    depth: float
    """Smaller is nearer."""
    mask: str | None
    """COCO's run lengths as text, of the whole picture; None for models without masks."""


@dataclass(frozen=True)
class Prediction:
    """What was found in one picture, the surest object first."""

    source: Source
    found: tuple[Found, ...]


def prediction(
    source: Source, picture: Picture, objects: Objects, components: Components | None, size: int
) -> Prediction:
    """What a model says of one picture, brought into the picture's own pixels.

    Args:
        source: the picture.
        picture: the same as it was fitted to the model's square.
        objects: of a batch of one.
        components: of a batch of one; object i of `objects` is shown by the component `object i + 1`, if there is one.
        size: side of the model's square, in pixels.

    Raises:
        FigureError: a box is not finite.
    """
    masks = {} if components is None else _masks(components, picture, size)
    found = []
    for row in objects.order(0):
        box = picture.frame.to_original(objects.boxes[0, row], size)
        if not box.isfinite().all():
            raise FigureError("the model's boxes are not finite")
        confidence, depth = float(objects.confidence[0, row]), float(objects.depth[0, row])
        x0, y0, x1, y1 = box.tolist()
        found.append(Found(x0, y0, x1, y1, confidence, depth, masks.get(row)))
    return Prediction(source, tuple(found))


def write_predictions(predictions: Sequence[Prediction], kind: Format, folder: Path, about: dict[str, Any]) -> Path:
    """Write one file, and say where.

    Args:
        predictions: of all pictures.
        kind: the format.
        folder: where to.
        about: of the model; for COCO's `info`.

    Raises:
        RunError: it cannot be written.
        GnmError: a package is missing.
    """
    path = folder / FILES[kind]
    if kind == "coco":
        write_json(path, _as_coco(predictions, about))
        return path
    content = _as_csv(predictions) if kind == "csv" else _as_parquet(predictions)
    with os_errors_as(RunError, f"{path}: cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    return path


def require_format(kind: Format) -> None:
    """See that the format can be written, before anything else is done.

    Raises:
        GnmError: a package is missing.
    """
    if kind == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise GnmError("--export parquet needs pyarrow: pip install 'gnm-render[parquet]'") from None


def _masks(components: Components, picture: Picture, size: int) -> dict[int, str]:
    """Row of each object to its mask in the picture; none without objects of their own."""
    rows = {k: number - 1 for k, name in enumerate(components.names) if (number := object_number(name)) is not None}
    if not rows:
        return {}
    owners = segment(components, VISIBLE)[0].numpy()
    shown = _in_picture(owners, picture.frame, picture.width, picture.height, size)
    return {row: to_text(run_lengths(shown == k + 1)) for k, row in rows.items()}


def _in_picture(owners: np.ndarray, frame: Frame, width: int, height: int, size: int) -> np.ndarray:
    """(size, size) → (height, width): each pixel as the square's that lies over its middle; 0 outside the square."""
    columns = np.floor((np.arange(width) + 0.5 - frame.left) * size / frame.width).astype(int)
    rows = np.floor((np.arange(height) + 0.5 - frame.top) * size / frame.height).astype(int)
    there = ((rows >= 0) & (rows < size))[:, None] & ((columns >= 0) & (columns < size))
    return np.where(there, owners[rows.clip(0, size - 1)][:, columns.clip(0, size - 1)], 0)


def _as_coco(predictions: Sequence[Prediction], about: dict[str, Any]) -> dict[str, object]:
    annotations: list[dict[str, object]] = []
    for one in predictions:
        for found in one.found:
            width, height = found.x1 - found.x0, found.y1 - found.y0
            annotation: dict[str, object] = {
                "id": len(annotations) + 1,
                "image_id": one.source.id,
                "category_id": 1,
                "bbox": [found.x0, found.y0, width, height],
                "area": width * height,
                "iscrowd": 0,
                "score": found.confidence,
                "depth": found.depth,
            }
            if found.mask is not None:
                annotation["segmentation"] = {"size": [one.source.height, one.source.width], "counts": found.mask}
            annotations.append(annotation)
    images = [
        {"id": s.id, "file_name": s.file, "width": s.width, "height": s.height}
        for s in (one.source for one in predictions)
    ]
    categories = [{"id": 1, "name": LABEL, "supercategory": ""}]
    return {"info": about, "images": images, "categories": categories, "annotations": annotations}


def _rows(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """A row an object, and one without a box for a picture in which nothing was found."""
    nothing = dict.fromkeys(["label", *(field.name for field in fields(Found))])
    rows = []
    for one in predictions:
        about = asdict(one.source)
        rows += [{**about, "label": LABEL, **asdict(found)} for found in one.found] or [{**about, **nothing}]
    return rows


def _as_csv(predictions: Sequence[Prediction]) -> bytes:
    rows, text = _rows(predictions), io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(errors="surrogateescape")


def _as_parquet(predictions: Sequence[Prediction]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        **{"file": pa.string(), "id": pa.int64(), "width": pa.int64(), "height": pa.int64(), "label": pa.string()},
        **dict.fromkeys(("x0", "y0", "x1", "y1", "confidence", "depth"), pa.float64()),
        "mask": pa.string(),
    }
    rows = _rows(predictions)
    if not all(isinstance(row["id"], int) for row in rows):
        kinds["id"] = pa.string()
        rows = [{**row, "id": str(row["id"])} for row in rows]
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()
