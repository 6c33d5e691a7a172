"""Tables: a CSV file with a header and a row for each object."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gnm_core.errors import DataError
from gnm_core.parts.data.annotations.notes import Box, Noted, Notes, sound_box
from gnm_core.regular_files import read_file

PICTURE = ("file", "filename", "file_name", "image", "path", "picture")
"""Names of the column that names the picture."""
LABEL = ("label", "class", "class_name", "category", "name")
"""Names of the column that names the class; without one, everything is an `object`."""
ANYTHING = "object"

Numbers = tuple[float, float, float, float]


def _corners(a: Numbers) -> Numbers:
    return a


def _corner_and_sides(a: Numbers) -> Numbers:
    return a[0], a[1], a[0] + a[2], a[1] + a[3]


def _middle_and_sides(a: Numbers) -> Numbers:
    return a[0] - a[2] / 2, a[1] - a[3] / 2, a[0] + a[2] / 2, a[1] + a[3] / 2


WAYS: dict[tuple[str, str, str, str], Callable[[Numbers], Numbers]] = {
    ("x0", "y0", "x1", "y1"): _corners,
    ("xmin", "ymin", "xmax", "ymax"): _corners,
    ("x1", "y1", "x2", "y2"): _corners,
    ("left", "top", "right", "bottom"): _corners,
    ("x", "y", "width", "height"): _corner_and_sides,
    ("x", "y", "w", "h"): _corner_and_sides,
    ("left", "top", "width", "height"): _corner_and_sides,
    ("cx", "cy", "width", "height"): _middle_and_sides,
    ("cx", "cy", "w", "h"): _middle_and_sides,
}
"""Names of the columns of a box, and what makes corners of them."""


def read_table(file: Path, under: str = "") -> Notes:
    """Read one CSV file. Where no number in it is above 1, boxes are shares of the picture's sides, else pixels.

    A row that names a picture and leaves the box empty says that there is nothing in it.

    Args:
        file: comma, semicolon or tab between the columns.
        under: what picture names are relative to, under the folder of pictures.

    Raises:
        DataError: it cannot be read, or lacks a column; the text names it.
    """
    try:
        text = read_file(file).decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not a text that can be read: {error}") from error
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
    columns = {name.strip().lower(): name for name in reader.fieldnames or [] if name}
    picture = _first(columns, PICTURE)
    label = _first(columns, LABEL)
    way = next((way for way in WAYS if set(way) <= columns.keys()), None)
    if picture is None or way is None:
        ways = "; ".join(",".join(names) for names in list(WAYS)[:1] + list(WAYS)[4:5] + list(WAYS)[7:8])
        raise DataError(
            f"{file}: line 1 names the columns {', '.join(columns) or '(none)'}; expected {PICTURE[0]}, "
            f"{LABEL[0]} and a box, one of {ways}"
        )
    notes, rows = Notes(under=under), list[tuple[str, str, str, Box]]()
    try:
        for row in reader:
            place = f"{file}, line {reader.line_num}"
            path = under + (row[picture] or "").strip().replace("\\", "/")
            if path == under:
                notes.problems.append(f"{place}: names no picture")
                continue
            notes.pictures.setdefault(path, place)
            numbers = [(row[columns[name]] or "").strip() for name in way]
            if not any(numbers):
                continue
            name = ANYTHING if label is None else (row[label] or "").strip()
            try:
                if not name:
                    raise ValueError("names no class")
                rows.append((place, path, name, _box(numbers, WAYS[way])))
            except ValueError as error:
                notes.problems.append(f"{place}: {error}")
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}") from error
    shares = bool(rows) and all(max(box) <= 1 for *_, box in rows)
    notes.objects = [Noted(place, path, name, box, shares=shares) for place, path, name, box in rows]
    notes.classes = tuple(sorted({noted.label for noted in notes.objects}, key=_order))
    return notes


def _box(numbers: Sequence[str], way: Callable[[Numbers], Numbers]) -> Box:
    try:
        a, b, c, d = (float(number) for number in numbers)
    except ValueError:
        raise ValueError(f"a box of {', '.join(map(repr, numbers))}; expected four numbers") from None
    return sound_box(way((a, b, c, d)))


def _first(columns: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _order(name: str) -> tuple[bool, int, str]:
    """Numbers by their value, then names by the alphabet."""
    return (False, int(name), "") if name.isdecimal() else (True, 0, name)
