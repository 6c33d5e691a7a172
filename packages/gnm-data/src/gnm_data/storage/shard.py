"""One shard: written group by group in bounded memory, always with the same bytes for the same rows."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gnm_data.storage.files import replacing, sha256_of
from gnm_data.storage.manifest import Shard, write_record

GROUP_BYTES = 1 << 20
"""A row group holds about this much before compression: what one random access reads."""
MOST_ROWS = 256


def rows_per_group(image: tuple[int, int, int]) -> int:
    """Images in a row group, from their shape alone, so that the bytes depend on nothing else."""
    channels, height, width = image
    return max(1, min(MOST_ROWS, GROUP_BYTES // (channels * height * width)))


def write_shard(folder: Path, file: str, schema: pa.Schema, groups: Iterable[pa.Table]) -> Shard:
    """Write a shard and the record beside it; the shard takes its name last, and is then on the disk.

    Args:
        folder: the data set's folder.
        file: the shard's name in it.
        schema: of every table.
        groups: one table a row group, in order.

    Raises:
        DataError: it cannot be written; the text names the file.
    """
    rows = 0
    with replacing(folder / file) as sink:
        with _writer(sink, schema) as writer:
            for table in groups:
                writer.write_table(table, row_group_size=max(1, table.num_rows))
                rows += table.num_rows
        shard = Shard(file, rows, sink.size, sink.sha256)
        # Before the shard has its name: killed in between, a record without its shard remains, never the reverse.
        write_record(folder, shard)
    return shard


def intact(folder: Path, shard: Shard) -> bool:
    """Whether the file is, byte for byte, what its record says."""
    path = folder / shard.file
    return path.is_file() and path.stat().st_size == shard.size and sha256_of(path) == shard.sha256


def _writer(sink: object, schema: pa.Schema) -> pq.ParquetWriter:
    """Everything that could vary is stated. Statistics would repeat whole pictures."""
    return pq.ParquetWriter(
        sink,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        store_schema=True,
    )
