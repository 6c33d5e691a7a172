"""COCO's object detection format: https://cocodataset.org/#format-data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gnm_core.errors import DataError
from gnm_core.parts.data.annotations.masks import Mask, Polygons, RunLengths
from gnm_core.parts.data.annotations.notes import Noted, Notes, sound_box
from gnm_core.regular_files import read_file
from gnm_core.run_lengths import from_text, mask_of


def read_coco(file: Path, under: str = "") -> Notes:
    """Read one file; crowds (`iscrowd`) are left out.

    Args:
        file: JSON.
        under: what a `file_name` is relative to, under the folder of pictures.

    Raises:
        DataError: it is missing, or not of this format; the text names it.
    """
    known = _json(file)
    notes = Notes(whole=True, under=under)
    try:
        names = {int(one["id"]): str(one["name"]) for one in known["categories"]}
        notes.classes = tuple(names[key] for key in sorted(names))
        if len(set(names.values())) < len(known["categories"]):
            notes.problems.append(f"{file}: two categories have the same id or the same name")
        pictures = _pictures(known["images"], str(file), notes)
        stated = {one["id"]: _stated(one) for one in known["images"]}
        for i, one in enumerate(known["annotations"]):
            if not one.get("iscrowd"):
                place = f"{file}: annotations[{i}]"
                try:
                    noted = _object(one, place, pictures, names)
                    notes.objects.append(replace(noted, stated=stated[one["image_id"]]))
                except (TypeError, ValueError) as error:
                    notes.problems.append(f"{place}: {error}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_coco(file, error) from error
    return notes


def _no_coco(file: Path, error: Exception) -> DataError:
    lacks = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
    return DataError(f"{file}: not COCO's object detection format (images, annotations, categories): {lacks}")


def _stated(image: Mapping[str, Any]) -> tuple[int, int] | None:
    """Its width and height, where it says them."""
    width, height = image.get("width"), image.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and width and height else None


def _pictures(images: Sequence[Mapping[str, Any]], file: str, notes: Notes) -> dict[object, str]:
    """Id of each image to its path under the folder of pictures."""
    paths: dict[object, str] = {}
    for i, one in enumerate(images):
        place, path = f"{file}: images[{i}]", notes.under + str(one["file_name"])
        if one["id"] in paths:
            notes.problems.append(f"{place}: the id {one['id']} a second time")
        elif path in notes.pictures:
            notes.problems.append(f"{place}: {path} a second time; first at {notes.pictures[path]}")
        else:
            notes.pictures[path] = place
        paths[one["id"]] = path
    return paths


def _object(one: Mapping[str, Any], place: str, pictures: Mapping[object, str], names: Mapping[int, str]) -> Noted:
    """One annotation.

    Raises:
        ValueError: its image or category is none of the file's, or its box or mask is impossible.
    """
    image, category = one["image_id"], int(one["category_id"])
    if image not in pictures:
        raise ValueError(f"of image {image}, which the file does not have")
    if category not in names:
        have = ", ".join(f"{key} {names[key]}" for key in sorted(names)[:20]) or "none"
        raise ValueError(f"category {category}, which the file does not name (it has {have})")
    numbers = [float(value) for value in one["bbox"]]
    if len(numbers) != 4:
        raise ValueError(f"a bbox of {len(numbers)} numbers; expected x, y, width, height")
    x, y, width, height = numbers
    box = sound_box((x, y, x + width, y + height))
    return Noted(place, pictures[image], names[category], box, mask=_mask(one.get("segmentation")))


def image_ids(file: Path) -> dict[str, int | str]:
    """`file_name` of each image in a COCO file to its id.

    Raises:
        DataError: it is missing, or not of this format; the text names it.
    """
    try:
        return {str(one["file_name"]): one["id"] for one in _json(file)["images"]}
    except (KeyError, TypeError) as error:
        raise _no_coco(file, error) from error


def _json(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(read_file(file))
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: not JSON that can be read: {error}") from error
    if not isinstance(known, dict):
        holds = "nothing" if known is None else f"a {type(known).__name__}"
        raise DataError(f"{file}: not COCO's object detection format: it holds {holds}")
    return known


def _mask(given: Any) -> Mask | None:
    """`segmentation`: polygons, run lengths, run lengths as text, or nothing.

    Raises:
        ValueError: it is none of these.
    """
    if not given:
        return None
    if isinstance(given, dict):
        height, width = (int(side) for side in given["size"])
        counts = given["counts"]
        lengths = from_text(counts) if isinstance(counts, str) else [int(count) for count in counts]
        mask_of(lengths, height, width)  # complains
        return RunLengths(tuple(lengths), height, width)
    parts = [np.array(part, np.float64) for part in given]
    if any(part.ndim != 1 or len(part) < 6 or len(part) % 2 or not np.isfinite(part).all() for part in parts):
        raise ValueError("a polygon in `segmentation` is not x0, y0, x1, y1, ... of three corners or more")
    return Polygons(tuple(part.reshape(-1, 2) for part in parts))
