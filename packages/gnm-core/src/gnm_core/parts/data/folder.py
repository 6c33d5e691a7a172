"""Which files of a folder are pictures."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gnm_core.errors import DataError
from gnm_core.parts.data.formats import SUFFIXES


@dataclass(frozen=True)
class Survey:
    """What a folder holds, at any depth."""

    pictures: tuple[str, ...]
    """Paths relative to the folder, sorted."""
    passed_over: dict[str, int]
    """Ending to the number of files that are not read for it, the most frequent first. Hidden files do not count."""

    def left_out(self, annotations: Mapping[str, int] | None = None) -> str | None:
        """What is not read, in words; None where everything is.

        Args:
            annotations: ending to the number of files that are read as annotations.
        """
        others = Counter(self.passed_over) - Counter(annotations or {})
        if not others:
            return None
        counts = [f"{count:,} {suffix or 'without an ending'}" for suffix, count in others.most_common(8)]
        more = ", ..." if len(others) > len(counts) else ""
        return f"not read: {', '.join(counts)}{more} (read are {', '.join(sorted(SUFFIXES))})"


def survey(folder: Path) -> Survey:
    """Look through a folder.

    Hidden files and folders (`.name`, `__MACOSX`) are no pictures. Links to folders are followed; a folder that can be
    reached in several ways counts once, at its own place if that is inside.

    Raises:
        DataError: it is no folder, cannot be read, or has no pictures.
    """
    if not folder.exists():
        raise DataError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise DataError(f"{folder}: a file; expected a folder of pictures")
    found: list[str] = []
    others: Counter[str] = Counter()
    for path in _files(folder):
        suffix = Path(path).suffix.lower()
        if suffix in SUFFIXES:
            found.append(path)
        else:
            others[suffix] += 1
    if not found:
        seen = ", ".join(f"{count:,} {suffix or 'without an ending'}" for suffix, count in others.most_common(8))
        there = f"; there is {seen}" if seen else ""
        raise DataError(f"{folder}: no pictures in this folder ({', '.join(sorted(SUFFIXES))}){there}")
    return Survey(tuple(sorted(found)), dict(others.most_common()))


def pictures_under(folder: Path) -> list[str]:
    """Paths, relative to `folder`, of all pictures in it at any depth, sorted.

    Raises:
        DataError: as `survey`.
    """
    return list(survey(folder).pictures)


def chosen(pictures: Sequence[str], include: Sequence[str], exclude: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The pictures that patterns leave: any of `include`, where there are some, and none of `exclude`.

    A pattern (`*.jpg`, `thumbs/*`, `*/left-??.png`) is held against the path under the folder and the name alone; `*`
    stands for slashes too.

    Raises:
        DataError: a pattern of `include` fits no picture, or none is left.
    """
    for pattern in include:
        if not any(_fits(path, pattern) for path in pictures):
            raise DataError(f"{folder}: include: '{pattern}' fits none of its {len(pictures):,} pictures")
    found = tuple(
        path
        for path in pictures
        if (not include or any(_fits(path, pattern) for pattern in include))
        and not any(_fits(path, pattern) for pattern in exclude)
    )
    if not found:
        raise DataError(f"{folder}: include and exclude leave none of its {len(pictures):,} pictures")
    return found


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)


def _files(root: Path) -> Iterator[str]:
    """Relative paths of all files: first of what lies in the folder itself, then of what links lead to."""
    seen: set[tuple[int, int]] = set()
    folders, links = [""], list[str]()
    while folders or links:
        inner = folders.pop() if folders else links.pop(0)
        try:
            about = os.stat(root / inner)
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            entries = sorted(os.scandir(root / inner), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error
        for entry in entries:
            path = f"{inner}/{entry.name}" if inner else entry.name
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if not entry.is_dir():
                yield path
            elif entry.is_symlink():
                links.append(path)
            else:
                folders.append(path)
