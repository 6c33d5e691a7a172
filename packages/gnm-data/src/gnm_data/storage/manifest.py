"""What a data set's folder says of itself.

DIR/manifest.json            the finished splits: recipe, counts, and size, rows and sha256 of every shard
DIR/train/00000.parquet ...  the shards
DIR/train/building.json      while a split is being built: the plan, and
DIR/train/00000.json ...     the record of each finished shard, which the manifest takes over at the end
DIR/.lock                    held by the one process that builds
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gnm_core.errors import DataError
from gnm_core.regular_files import read_file
from pydantic import TypeAdapter, ValidationError

from gnm_data.splits import SPLITS
from gnm_data.storage.files import replacing

FORMAT = 1
"""Grows when an older reader could no longer make sense of a folder."""
MANIFEST = "manifest.json"
BUILDING = "building.json"

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """What a data set is made from: folders of equal recipes hold equal images."""

    part: str
    """Name of the data part, such as `mnist-10`."""
    spec: dict[str, Any]
    """`dims` and `data` of the resolved spec."""
    providers: dict[str, str]
    """Distribution to version, of every part that takes part."""


@dataclass(frozen=True)
class Shard:
    """One file of a split."""

    file: str
    """Relative to the data set's folder, such as `train/00000.parquet`."""
    rows: int
    """Number of images."""
    size: int
    """Bytes."""
    sha256: str
    """Of the whole file, as 64 hexadecimal digits."""


@dataclass(frozen=True)
class Split:
    """The shards of one split, in order of index."""

    count: int
    """Number of images."""
    shard_size: int
    """Images in every shard but the last."""
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Manifest:
    """A data set on disk."""

    recipe: Recipe
    image: tuple[int, int, int]
    """(C, H, W) of every image."""
    classes: tuple[str, ...]
    """Name of each class of object, by label; empty where classes have no names."""
    group: int
    """Images in every row group but a shard's last: what is read at once."""
    splits: dict[str, Split] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """A shard that is to be made: images `start` to `stop` of the source."""

    file: str
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """Number of images."""
        return self.stop - self.start


@dataclass(frozen=True)
class Plan:
    """A split that is to be made."""

    recipe: Recipe
    image: tuple[int, int, int]
    classes: tuple[str, ...]
    group: int
    split: str
    count: int
    shard_size: int

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The shards, in order."""
        starts = range(0, self.count, self.shard_size)
        return tuple(
            Piece(f"{self.split}/{number:05}.parquet", start, min(start + self.shard_size, self.count))
            for number, start in enumerate(starts)
        )


def holds_data_set(folder: Path) -> bool:
    """Whether a folder holds a data set of ours, finished or not."""
    ours = [folder / MANIFEST, *(folder / split / BUILDING for split in SPLITS)]
    return any(path.exists() for path in ours)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json`, atomically. The same manifest always gives the same bytes."""
    _write(folder / MANIFEST, manifest)


def write_plan(folder: Path, plan: Plan) -> None:
    """Write the split's `building.json`, atomically."""
    _write(folder / plan.split / BUILDING, plan)


def write_record(folder: Path, shard: Shard) -> None:
    """Write the record beside a shard, atomically."""
    _write(record_path(folder, shard.file), shard)


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.json`.

    Raises:
        DataError: there is none, it is damaged, or a newer version wrote it.
    """
    return _read(folder / MANIFEST, Manifest)


def read_plan(folder: Path, split: str) -> Plan | None:
    """The plan of a split whose build is unfinished, else None.

    Raises:
        DataError: it is damaged, or a newer version wrote it.
    """
    path = folder / split / BUILDING
    return _read(path, Plan) if path.exists() else None


def read_record(folder: Path, file: str) -> Shard | None:
    """The record beside a shard; None where there is none that can be read: the shard is then made again."""
    try:
        return _read(record_path(folder, file), Shard)
    except DataError:
        return None


def record_path(folder: Path, file: str) -> Path:
    """Where a shard's record lies while its split is being built."""
    return (folder / file).with_suffix(".json")


_ADAPTERS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (Manifest, Plan, Shard)}


def _write(path: Path, content: Manifest | Plan | Shard) -> None:
    body = {"format": FORMAT, **asdict(content)}
    text = json.dumps({**body, "check": _checksum(body)}, indent=1, sort_keys=True, allow_nan=False)
    with replacing(path) as file:
        file.write(f"{text}\n".encode())


def _read(path: Path, kind: type[T]) -> T:
    try:
        body = json.loads(read_file(path))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged: not JSON ({error})") from None
    if not isinstance(body, dict) or not isinstance(body.get("format"), int):
        raise DataError(f"{path}: not a file of gnm-data (it states no format)")
    if body["format"] > FORMAT:
        raise DataError(
            f"{path}: written in format {body['format']}, and this gnm-data reads up to {FORMAT}: upgrade gnm-data"
        )
    if body.pop("check", None) != _checksum(body):
        raise DataError(f"{path}: damaged: its content does not match its own checksum")
    body.pop("format")
    try:
        found: T = _ADAPTERS[kind].validate_python(body)
    except ValidationError as error:
        raise DataError(f"{path}: damaged: {error}") from None
    return found


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
