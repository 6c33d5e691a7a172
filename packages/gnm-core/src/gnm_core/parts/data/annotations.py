"""What is known of the objects in pictures: COCO files (object detection, https://cocodataset.org/#format-data)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gnm_core.errors import DataError
from gnm_core.parts.data.picture import Frame
from gnm_core.results import Truth


@dataclass(frozen=True)
class Known:
    """The objects of one picture."""

    labels: np.ndarray
    """(N,) int64: class of each object."""
    boxes: np.ndarray
    """(N, 4) float32 = (x0, y0, x1, y1) in the picture's own pixels."""


@dataclass(frozen=True)
class Annotations:
    """What several files know of the pictures in a folder."""

    classes: tuple[str, ...]
    """Names, by label."""
    pictures: dict[Path, Known]

    def truth(self, paths: Sequence[Path], frames: Sequence[Frame], size: int) -> Truth:
        """What is known of some pictures, in pixels of the model's squares; an object that none of is seen is left out.

        Args:
            paths: the pictures.
            frames: what the model's square shows of each.
            size: side of the squares, in pixels.

        Raises:
            DataError: no file knows one of them.
        """
        found = [self._fitted(path, frame, size) for path, frame in zip(paths, frames, strict=True)]
        most = max(1, *(len(one.labels) for one in self.pictures.values()))
        present = torch.zeros(len(found), most, dtype=torch.bool)
        labels = torch.full((len(found), most), -1, dtype=torch.int64)
        boxes = torch.zeros(len(found), most, 4)
        for i, one in enumerate(found):
            count = len(one.labels)
            present[i, :count] = True
            labels[i, :count] = torch.from_numpy(one.labels)
            boxes[i, :count] = torch.from_numpy(one.boxes)
        return Truth(present, labels, boxes)

    def _fitted(self, path: Path, frame: Frame, size: int) -> Known:
        if path not in self.pictures:
            raise DataError(f"{path}: no annotation file knows this picture")
        one = self.pictures[path]
        corner = np.array([frame.left, frame.top] * 2, np.float32)
        boxes = (one.boxes - corner) * np.float32(size) / np.array([frame.width, frame.height] * 2, np.float32)
        seen = ((boxes[:, :2] < size) & (boxes[:, 2:] > 0)).all(1)
        return Known(one.labels[seen], boxes[seen])


def read_annotations(files: Sequence[Path], folder: Path) -> Annotations:
    """Read COCO files about the pictures in a folder.

    A `file_name` is a path under the subfolder that is called as the file is (`train.json`: `folder/train`) where there
    is one, else under the folder. Crowds (`iscrowd`) are left out.

    Raises:
        DataError: a file is missing, no COCO file, or has an impossible box; the text names it.
    """
    names: dict[int, str] = {}
    pictures: dict[Path, Known] = {}
    for file in files:
        known, root = _read(file), folder / file.stem if (folder / file.stem).is_dir() else folder
        try:
            names |= {int(one["id"]): str(one["name"]) for one in known["categories"]}
            paths = {one["id"]: root / one["file_name"] for one in known["images"]}
            found: dict[object, list[tuple[int, list[float]]]] = {key: [] for key in paths}
            for one in known["annotations"]:
                if not one.get("iscrowd"):
                    found[one["image_id"]].append((int(one["category_id"]), _corners(one["bbox"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{file}: not COCO's object detection format: {type(error).__name__}: {error}") from error
        for key, objects in found.items():
            ids = np.array([label for label, _ in objects], np.int64)
            pictures[paths[key]] = Known(ids, np.array([box for _, box in objects], np.float32).reshape(-1, 4))
    order = sorted(names)
    for path, one in pictures.items():
        unknown = set(one.labels.tolist()) - names.keys()
        if unknown:
            raise DataError(f"{path}: an object of category {min(unknown)}, which no file names")
        pictures[path] = Known(np.searchsorted(order, one.labels).astype(np.int64), one.boxes)
    return Annotations(tuple(names[key] for key in order), pictures)


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: not JSON that can be read: {error}") from error
    if not isinstance(known, dict):
        raise DataError(f"{file}: not COCO's object detection format: it holds a {type(known).__name__}")
    return known


def _corners(box: Sequence[float]) -> list[float]:
    """COCO's (x, y, width, height) → (x0, y0, x1, y1)."""
    x, y, width, height = (float(value) for value in box)
    if not (np.isfinite([x, y]).all() and 0 < width < np.inf and 0 < height < np.inf):
        raise ValueError(f"a box of {list(box)}")
    return [x, y, x + width, y + height]
