"""Random access to the rows of one split, with a bounded number of row groups in memory."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gnm_core.errors import DataError
from gnm_core.printable import said_by
from gnm_core.results import Batch

from gnm_data.storage import png
from gnm_data.storage.columns import IMAGE, INDEX, INSTANCES, difference, empty_array, to_array, to_batch
from gnm_data.storage.manifest import Manifest
from gnm_data.storage.schema import layout_problems, schema_problems

OPEN_SHARDS = 16
"""Shards whose footers are kept in memory."""


@dataclass(frozen=True)
class RowGroup:
    """A row group in memory: pictures still as PNG, everything else as arrays."""

    pictures: dict[str, pa.Array]
    """`image` and, where stored, `instances`: one PNG a row."""
    typed: dict[str, np.ndarray]
    """The typed columns, rows first."""


@dataclass(frozen=True)
class Run:
    """Some wanted rows of one row group."""

    shard: int
    group: int
    rows: np.ndarray
    """Row numbers inside the group."""
    places: np.ndarray
    """Where each belongs in the batch."""


class Rows:
    """The rows of one split.

    Args:
        folder: the data set's folder.
        manifest: its manifest.
        split: which split.
        groups: row groups kept in memory; the least recently used goes first.
        truth: read ground truth too, where it is stored.
    """

    def __init__(self, folder: Path, manifest: Manifest, split: str, groups: int, *, truth: bool = True) -> None:
        self.folder = folder
        self.image = manifest.image
        self.split = manifest.splits[split]
        self.group = manifest.group
        self.truth = truth
        self.read = lru_cache(groups)(self._read)
        self._footer = lru_cache(OPEN_SHARDS)(self._read_footer)

    def require_sound(self) -> None:
        """Look at the first shard: is it what batches are made of? The others are looked at when they are opened.

        Raises:
            DataError: it is not; the text names the shard.
        """
        self._footer(0)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """First index, and the one after the last, of every row group, each (groups,) int64."""
        size, count = self.split.shard_size, self.split.count
        shards = np.arange(0, count, size)
        starts = (shards[:, None] + np.arange(0, size, self.group)[None]).reshape(-1)
        starts = starts[starts < count]
        return starts, np.minimum(np.minimum(starts + self.group, starts // size * size + size), count)

    def batch(self, indices: np.ndarray) -> Batch:
        """The rows at `indices`, (B,) int64."""
        fields = self._fields()
        channels, height, width = self.image
        rows = len(indices)
        kinds = {name: kind for name, kind in fields.items() if name not in (IMAGE, INSTANCES)}
        typed: dict[str, np.ndarray] = {} if rows else {name: empty_array(kind) for name, kind in kinds.items()}
        pixels = np.empty((rows, height, width, channels), np.uint8)
        instances = np.empty((rows, height, width, 1), np.uint8) if INSTANCES in fields else None
        for run in self._runs(indices):
            group = self.read(run.shard, run.group)
            for name in kinds:
                values = group.typed[name]
                if name not in typed:  # room for what was read, as a damaged footer may promise any number of values
                    typed[name] = np.empty((rows, *values.shape[1:]), values.dtype)
                typed[name][run.places] = values[run.rows]
            for name, target in ((IMAGE, pixels), (INSTANCES, instances)):
                if target is not None:
                    self._decode(run, group.pictures[name], target)
        return to_batch(pixels, instances, typed)

    def _fields(self) -> dict[str, pa.DataType]:
        """The columns that are read, and their types."""
        schema = self._footer(0).schema.to_arrow_schema()
        return {
            field.name: field.type for field in schema if field.name == IMAGE or (self.truth and field.name != INDEX)
        }

    def _runs(self, indices: np.ndarray) -> Iterator[Run]:
        """The rows by row group, in order of first appearance: one read a group and batch."""
        shards, rows = np.divmod(indices, self.split.shard_size)
        groups, rows = np.divmod(rows, self.group)
        keys = np.stack([shards, groups], 1)
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        for number in np.argsort(first):
            places = np.flatnonzero(inverse.reshape(-1) == number)
            yield Run(int(shards[places[0]]), int(groups[places[0]]), rows[places], places)

    def _decode(self, run: Run, pictures: pa.Array, target: np.ndarray) -> None:
        for row, place in zip(run.rows.tolist(), run.places.tolist(), strict=True):
            try:
                png.decode_into(pictures[row].as_buffer(), target[place])
            except ValueError as error:
                raise self._damaged(run.shard, f"row {run.group * self.group + row}: {error}") from error

    def _read(self, shard: int, group: int) -> RowGroup:
        try:
            # A handle for each read: threads can share this object, and no file stays open.
            with pq.ParquetFile(
                self._path(shard), metadata=self._footer(shard), page_checksum_verification=True
            ) as file:
                names = [INDEX, *self._fields()]
                table = file.read_row_group(group, names, use_threads=False).combine_chunks()
                columns = {name: table[name].chunk(0) for name in names}
                self._require_rows(shard, group, columns)
                pictures = {name: columns.pop(name) for name in (IMAGE, INSTANCES) if name in columns}
                return RowGroup(pictures, {name: to_array(column) for name, column in columns.items()})
        except DataError:
            raise
        except Exception as error:  # of a broken file, Arrow raises what it likes
            raise self._damaged(shard, said_by(error)) from error

    def _require_rows(self, shard: int, group: int, columns: dict[str, pa.Array]) -> None:
        """See that a row group holds the images that it should, and something of each."""
        first = shard * self.split.shard_size + group * self.group
        rows = min(self.group, self.split.shards[shard].rows - group * self.group)
        found = columns.pop(INDEX)
        if found.null_count or not np.array_equal(found.to_numpy(), np.arange(first, first + rows)):
            raise self._damaged(shard, f"row group {group} does not hold images {first} to {first + rows - 1}")
        for name, column in columns.items():
            if len(column) != rows or _holds_nulls(column):
                raise self._damaged(shard, f"row group {group}: {name} is not there for every image")

    def _read_footer(self, shard: int) -> pq.FileMetaData:
        """A shard's footer, once it is known that batches can be made of what it describes."""
        try:
            footer = pq.read_metadata(self._path(shard))
            schema = footer.schema.to_arrow_schema()
            problems = [*schema_problems(schema), *layout_problems(footer, self.split.shards[shard].rows, self.group)]
            if shard and not problems and schema != (first := self._footer(0).schema.to_arrow_schema()):
                problems = [f"its columns are not those of the first shard: {difference(first, schema)}"]
        except DataError:
            raise
        except Exception as error:  # of a broken file, Arrow raises what it likes
            raise self._damaged(shard, said_by(error)) from error
        if problems:
            raise self._damaged(shard, "; ".join(problems))
        return footer

    def _path(self, shard: int) -> Path:
        return self.folder / self.split.shards[shard].file

    def _damaged(self, shard: int, reason: str) -> DataError:
        return DataError(
            f"{self._path(shard)}: cannot be read: {reason}\n"
            f"    `gnm data verify {shlex.quote(str(self.folder))}` says what is damaged; "
            "the build command makes it again."
        )


def _holds_nulls(column: pa.Array) -> bool:
    """Whether a value is missing, on any level."""
    while pa.types.is_fixed_size_list(column.type):
        if column.null_count:
            return True
        column = column.flatten()
    return bool(column.null_count)
