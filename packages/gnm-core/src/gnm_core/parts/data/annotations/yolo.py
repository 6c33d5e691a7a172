"""YOLO's format: a text file for each picture, a line for each object, numbers in shares of the picture's sides."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from gnm_core.errors import DataError
from gnm_core.parts.data.annotations.masks import Polygons
from gnm_core.parts.data.annotations.notes import Noted, Notes, sound_box
from gnm_core.regular_files import read_file

NAMES = ("classes.txt", "obj.names", "data.yaml", "dataset.yaml")
"""Files that may name the classes, in the folder of labels or the one above."""
_OTHERS = (*NAMES, "readme.txt", "notes.json")


def read_yolo(folder: Path, pictures: Collection[str], under: str = "", names: Sequence[str] = ()) -> Notes:
    """Read a folder of labels: `a/b.txt` is about the picture `a/b` of any ending.

    A line is `class x y width height`, the middle and the sides of a box, or `class x0 y0 x1 y1 x2 y2 ...`, the corners
    of a shape; the class is a number from 0. Boxes are in shares of the picture's sides, 0 to 1.

    Args:
        folder: of the text files.
        pictures: paths of all pictures, under their folder.
        under: what labels are relative to, under the folder of pictures.
        names: of the classes; if none are given, `classes.txt`, `obj.names` or `data.yaml` may say them, here or one
            folder up; if nobody does, classes go by their numbers.

    Raises:
        DataError: there is no text file here, or a file cannot be read.
    """
    known = tuple(names) or _names(folder)
    notes = Notes(under=under)
    stems: dict[str, list[str]] = {}
    for path in pictures:
        stems.setdefault(path.rpartition(".")[0], []).append(path)
    files = sorted(file for file in folder.rglob("*.txt") if file.name.lower() not in _OTHERS)
    if not files:
        raise DataError(f"{folder}: no labels in this folder (a .txt file for each picture, as YOLO has them)")
    numbers: set[int] = set()
    for file in files:
        own = stems.get(under + file.relative_to(folder).with_suffix("").as_posix(), [])
        if len(own) != 1:
            notes.problems.append(f"{file}: {'no picture has' if not own else 'several pictures have'} this name")
            continue
        notes.pictures[own[0]] = str(file)
        for i, line in enumerate(_text(file).splitlines(), start=1):
            if not line.strip():
                continue
            place = f"{file}, line {i}"
            try:
                number, noted = _line(line, place, own[0], known)
            except ValueError as error:
                notes.problems.append(f"{place}: {error}")
            else:
                numbers.add(number)
                notes.objects.append(noted)
    notes.classes = known or tuple(str(i) for i in range(max(numbers, default=-1) + 1))
    return notes


def _line(line: str, place: str, picture: str, names: Sequence[str]) -> tuple[int, Noted]:
    """One object, and the number of its class.

    Raises:
        ValueError: the line is none.
    """
    words = line.split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise ValueError(f"expected numbers: class x y width height; got {line.strip()[:60]!r}") from None
    if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
        expected = "class x y width height, or a class and three corners or more"
        raise ValueError(f"{len(words)} numbers; expected {expected}")
    if numbers[0] < 0 or numbers[0] != int(numbers[0]):
        raise ValueError(f"{words[0]!r} is no class; expected a number from 0")
    number = int(numbers[0])
    if names and number >= len(names):
        have = ", ".join(f"{i} {name}" for i, name in enumerate(names))
        raise ValueError(f"class {number}, which nobody names (there is {have})")
    values = np.array(numbers[1:])
    if not np.isfinite(values).all():
        raise ValueError("a number that is not finite")
    if values.max() > 2:
        raise ValueError(
            f"{values.max():g}, where shares of the picture's sides are expected, 0 to 1; boxes in pixels go into a CSV"
        )
    mask = None
    if len(values) == 4:
        x, y, width, height = values
        box = sound_box((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    else:
        corners = values.reshape(-1, 2)
        box, mask = sound_box((*corners.min(0), *corners.max(0))), Polygons((corners,), shares=True)
    return number, Noted(place, picture, names[number] if names else str(number), box, shares=True, mask=mask)


def _names(folder: Path) -> tuple[str, ...]:
    """What a file here, or one folder up, calls the classes; nothing where there is none."""
    for file in (place / name for place in (folder, folder.parent) for name in NAMES):
        if not file.is_file():
            continue
        if file.suffix == ".yaml":
            return _names_in_yaml(file)
        return tuple(line.strip() for line in _text(file).splitlines() if line.strip())
    return ()


def _names_in_yaml(file: Path) -> tuple[str, ...]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        given = YAML(typ="safe", pure=True).load(_text(file))
    except YAMLError as error:
        raise DataError(f"{file}: not YAML that can be read: {' '.join(str(error).split())}") from error
    names = given.get("names") if isinstance(given, dict) else None
    if names is None:
        return ()
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list):
        raise DataError(f"{file}: names: {json.dumps(names, default=str)[:80]}; expected a list, or one name a number")
    return tuple(str(name) for name in names)


def _text(file: Path) -> str:
    try:
        return read_file(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not a text that can be read: {error}") from error
