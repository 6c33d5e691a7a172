"""Write a data set as PNG files with a COCO-style `annotations.json`, for other people's tools.

COCO's format: https://cocodataset.org/#format-data (object detection).
"""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gnm_core.contracts import Data
from gnm_core.errors import DataError
from gnm_core.files import replace_file
from gnm_core.results import Batch, Truth
from PIL import Image
from torch import Tensor

from gnm_data.sheet import pixels

_AT_ONCE = 64
"""Images that are in memory at a time."""


def export_coco(data: Data, count: int, folder: Path, advance: Callable[[int], None] = lambda _: None) -> Path:
    """Write the first `count` images of a data set to `folder/images` and what is known of them beside.

    A category's id is its label plus 1. `bbox` and `segmentation` are of the pixels that can be seen; an object of
    which none can be seen is left out; `amodal_bbox` is that of the whole object. Whatever else the truth holds stands
    under `attributes`, of the image or of the annotation.

    Args:
        data: what to write.
        count: number of images.
        folder: where to; files of the same names are replaced.
        advance: told how many images have just been written.

    Returns:
        The path of `annotations.json`.

    Raises:
        DataError: a file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    labels = set(range(len(data.classes)))
    target = folder / "annotations.json"
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for start in range(0, count, _AT_ONCE):
            indices = range(start, min(start + _AT_ONCE, count))
            batch = data.batch(indices)
            for place, (index, picture) in enumerate(zip(indices, pixels(batch.image), strict=True)):
                name = f"images/{data.split}-{index:06}.png"
                grey = batch.image.shape[1] == 1
                Image.fromarray(picture[..., 0] if grey else picture).save(folder / name)
                images.append(_image(batch, place, index, name))
                for found in _annotations(batch, place):
                    annotations.append({"id": len(annotations) + 1, "image_id": index + 1, **found})
                    labels.add(found["category_id"] - 1)
            advance(len(indices))
        names = {label: data.classes[label] if label < len(data.classes) else str(label) for label in sorted(labels)}
        document = {
            "info": {"description": f"{data.split} split, images 0 to {count - 1}"},
            "images": images,
            "categories": [{"id": label + 1, "name": name, "supercategory": ""} for label, name in names.items()],
            "annotations": annotations,
        }
        replace_file(target, json.dumps(document).encode())
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be written: {error.strerror or error}") from error
    return target


def _image(batch: Batch, place: int, index: int, name: str) -> dict[str, Any]:
    height, width = batch.image.shape[2:]
    truth = batch.truth
    attributes = {
        key: _plain(value[place])
        for key, value in (truth.extra.items() if truth else ())
        if not _is_of_objects(value, truth)
    }
    return {"id": index + 1, "file_name": name, "width": width, "height": height, "attributes": attributes}


def _annotations(batch: Batch, place: int) -> list[dict[str, Any]]:
    """Everything that can be seen in one image, without ids."""
    truth = batch.truth
    if truth is None:
        return []
    found = []
    for thing in truth.present[place].nonzero()[:, 0].tolist():
        whole = truth.boxes[place, thing]
        box = whole if truth.visible_boxes is None else truth.visible_boxes[place, thing]
        x0, y0, x1, y1 = box.tolist()
        annotation = {
            "category_id": int(truth.labels[place, thing]) + 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0),
            "iscrowd": 0,
            "amodal_bbox": [*whole[:2].tolist(), *(whole[2:] - whole[:2]).tolist()],
            "attributes": {
                key: _plain(value[place, thing]) for key, value in truth.extra.items() if _is_of_objects(value, truth)
            },
        }
        if truth.instances is not None:
            mask = (truth.instances[place] == thing + 1).numpy()
            annotation |= {"area": int(mask.sum()), "segmentation": run_lengths(mask)}
        if annotation["area"]:
            found.append(annotation)
    return found


def run_lengths(mask: np.ndarray) -> dict[str, list[int]]:
    """COCO's uncompressed run-length code of a mask (H, W): column by column, zeros first."""
    flat = mask.T.reshape(-1).astype(np.int8)
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return {"size": list(mask.shape), "counts": [end - start for start, end in pairwise([0, *edges, flat.size])]}


def _is_of_objects(value: Tensor, truth: Truth | None) -> bool:
    return truth is not None and value.shape[:2] == truth.present.shape


def _plain(value: Tensor) -> Any:
    return value.tolist()
