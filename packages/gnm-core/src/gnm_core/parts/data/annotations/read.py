"""Several sources of annotations read, checked against the pictures, and put together."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from gnm_core.errors import DataError
from gnm_core.parts.data.annotations.coco import read_coco
from gnm_core.parts.data.annotations.known import Annotations
from gnm_core.parts.data.annotations.notes import Noted, Notes
from gnm_core.parts.data.annotations.table import read_table
from gnm_core.parts.data.annotations.yolo import NAMES, read_yolo
from gnm_core.suggestions import did_you_mean

SHOWN = 12
"""Problems that a message lists; the others are counted."""


def read_annotations(
    sources: Sequence[Path], folder: Path, pictures: Collection[str], names: Sequence[str] = ()
) -> Annotations:
    """Read what is known of the pictures in a folder.

    A source is a COCO file (`.json`), a table (`.csv`, `.tsv`), or a folder of YOLO's text files. Picture names are
    relative to the subfolder that is called as the source is (`train.json`: `folder/train`) where there is one with
    pictures, else to the folder.

    Args:
        sources: files and folders.
        folder: of the pictures.
        pictures: their paths under the folder.
        names: the classes, in their order; another one is a problem. Empty to take those of the sources.

    Raises:
        DataError: a source cannot be read, names a picture that is not there or a class that is none, says a thing
            twice, or has an impossible box; all problems at once, each with its file and line.
    """
    there = set(pictures)
    all_notes = [_read(source, there, names) for source in sources]
    problems = [problem for notes in all_notes for problem in notes.problems]
    problems += _missing(all_notes, folder, there) + _twice(all_notes)
    classes = tuple(names) or tuple(dict.fromkeys(name for notes in all_notes for name in notes.classes))
    objects = [noted for notes in all_notes for noted in notes.objects]
    problems += [_unknown(noted, classes) for noted in objects if noted.label not in classes]
    if problems:
        more = [f"... and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise DataError("\n".join([*problems[:SHOWN], *more]))
    named: dict[Path, list[Noted]] = {folder / path: [] for notes in all_notes for path in notes.pictures}
    for noted in objects:
        named[folder / noted.picture].append(noted)
    empty = {
        folder / path
        for path in there
        if any(path.startswith(notes.under) and not notes.whole for notes in all_notes) and folder / path not in named
    }
    return Annotations(classes, {path: tuple(objects) for path, objects in named.items()}, frozenset(empty))


def files_within(sources: Sequence[Path], folder: Path) -> dict[str, int]:
    """Ending to the number of files in the folder that are annotations, or name their classes."""
    inside = [source for source in sources if source.resolve().is_relative_to(folder.resolve())]
    files = [source for source in inside if source.is_file()]
    files += [file for source in inside if source.is_dir() for file in source.rglob("*.txt")]
    files += [source / name for source in inside for name in NAMES if name[-4:] != ".txt" and (source / name).is_file()]
    return dict(Counter(file.suffix.lower() for file in set(files)))


def _read(source: Path, pictures: set[str], names: Sequence[str]) -> Notes:
    """The format is told from what the source is."""
    name = source.name if source.is_dir() else source.stem
    under = f"{name}/" if any(path.startswith(f"{name}/") for path in pictures) else ""
    if source.is_dir():
        return read_yolo(source, pictures, under, names)
    match source.suffix.lower():
        case ".csv" | ".tsv":
            return read_table(source, under)
        case ".txt" | ".xml" | ".yaml" | ".yml" | ".parquet":
            raise DataError(
                f"{source}: annotations are COCO's .json, a .csv, or a folder of YOLO's .txt files; "
                "name the folder that these lie in"
            )
    return read_coco(source, under)


def _missing(all_notes: Sequence[Notes], folder: Path, pictures: set[str]) -> list[str]:
    """Pictures that are named and not there; those that the data set leaves out are there."""
    found: list[str] = []
    for notes in all_notes:
        for path, place in notes.pictures.items():
            if path not in pictures and not (folder / path).is_file():
                near = did_you_mean(path, pictures) if len(found) < SHOWN and len(pictures) < 10_000 else None
                found.append(f"{place}: there is no picture {folder / path}" + (f"; {near}" if near else ""))
    return found


def _twice(all_notes: Sequence[Notes]) -> list[str]:
    """Pictures that two sources name, and objects that are noted twice."""
    found, pictures, objects = list[str](), dict[str, str](), dict[tuple[object, ...], str]()
    for notes in all_notes:
        for path, place in notes.pictures.items():
            if path in pictures:
                found.append(f"{place}: {path} is named by another source as well, at {pictures[path]}")
            pictures[path] = place
        for noted in notes.objects:
            key = (noted.picture, noted.label, noted.box)
            if key in objects:
                found.append(f"{noted.place}: the same box of the same class as at {objects[key]}")
            objects.setdefault(key, noted.place)
    return found


def _unknown(noted: Noted, classes: Sequence[str]) -> str:
    near = did_you_mean(noted.label, classes)
    return f"{noted.place}: no class is called '{noted.label}'; {near or 'there is ' + ', '.join(classes)}"
