"""What is wrong with a folder of pictures and its annotations: all of it at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.parts.data.annotations.known import Seen
from gnm_core.parts.data.image_folder import ImageFolder

SIDE = 16
"""Pixels that the pictures are brought to; their content does not matter here."""


@dataclass(frozen=True)
class FolderCheck:
    """What was found."""

    pictures: int
    """How many there are, the broken ones included."""
    broken: dict[str, str]
    """Path under the folder to the reason why a picture cannot be read."""
    annotations: tuple[str, ...]
    """What is wrong with the annotations, each with its place."""
    notes: tuple[str, ...]
    """What is no fault but worth knowing."""
    smallest: tuple[int, int] | None
    """Width and height of the picture with the fewest pixels; None where none can be read."""
    largest: tuple[int, int] | None
    objects: int
    """That the annotations know."""

    @property
    def sound(self) -> bool:
        """Nothing is wrong."""
        return not self.broken and not self.annotations


def check_folder(
    folder: Path,
    annotations: Sequence[Path] = (),
    *,
    names: Sequence[str] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    white: int | None = None,
    max_pixels: int = 64_000_000,
) -> FolderCheck:
    """Read every picture under a folder, and the annotations; the options are those of `image-folder`.

    Raises:
        DataError: there is no such folder, or no picture in it.
    """
    whole = ImageFolder(
        Dims(channels=3, size=SIDE),
        dir=folder,
        annotations=tuple(annotations),
        names=tuple(names),
        include=tuple(include),
        exclude=tuple(exclude),
        white=white,
        max_pixels=max_pixels,
        validation=0.0,
        test=0.0,
        cache=0,
    )
    parts = [whole.at(split) for split in whole.splits]
    broken = {path.relative_to(folder).as_posix(): reason for part in parts for path, reason in part.broken.items()}
    seen = {path: seen for part in parts for path, seen in part.seen.items()}
    objects, problems = _annotated(parts, seen) if annotations else (0, [])
    notes = () if problems else dict.fromkeys(note for part in parts for note in part.notes())
    sizes = sorted(((one.width, one.height) for one in seen.values()), key=lambda size: size[0] * size[1])
    return FolderCheck(
        pictures=sum(map(len, parts)),
        broken=broken,
        annotations=tuple(problems),
        notes=tuple(notes),
        smallest=sizes[0] if sizes else None,
        largest=sizes[-1] if sizes else None,
        objects=objects,
    )


def _annotated(parts: Sequence[ImageFolder], seen: Mapping[Path, Seen]) -> tuple[int, list[str]]:
    """How many objects are known, and what is wrong with what is known."""
    try:
        known = parts[0].known
    except DataError as error:
        return 0, str(error).splitlines()
    problems = [text for path, one in seen.items() for text in known.outside(path, one.width, one.height)]
    for part in parts:
        if len(part.unknown) < len(part.files):  # of a split that nobody has annotated nothing is said
            problems += [f"{path}: no annotation file knows this picture" for path in part.unknown]
    return sum(map(len, known.pictures.values())), problems
