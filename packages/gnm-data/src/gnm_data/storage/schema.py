"""What a shard must be, checked when it is opened: its columns, their types, and how many rows lie where."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from gnm_data.storage.columns import EXTRA, IMAGE, INDEX, INSTANCES, TYPED

_NEEDED = ("present", "labels", "boxes")
"""Where there is truth at all, these three are there."""
_LISTS: dict[str, tuple[int, pa.DataType]] = {
    "present": (1, pa.bool_()),
    "labels": (1, pa.int64()),
    "boxes": (2, pa.float32()),
    "visible_boxes": (2, pa.float32()),
    "depth": (1, pa.float32()),
}
"""Levels of lists and the type inside, of the truth's own columns."""


def schema_problems(schema: pa.Schema) -> Iterator[str]:
    """Why batches cannot be made of such columns."""
    kinds = {field.name: field.type for field in schema}
    if len(kinds) < len(schema):
        yield "a column is there twice"
    for name, wanted in ((INDEX, pa.int64()), (IMAGE, pa.binary())):
        if kinds.get(name) != wanted:
            yield f"{name} is {kinds.get(name, 'missing')}, expected {wanted}"
    truth = {name: kind for name, kind in kinds.items() if name not in (INDEX, IMAGE)}
    for name in _NEEDED if truth else ():
        if name not in truth:
            yield f"{name} is missing"
    for name, kind in truth.items():
        if problem := _problem(name, kind):
            yield f"{name} is {kind}, expected {problem}"


def _problem(name: str, kind: pa.DataType) -> str | None:
    """What a column of truth should be; None where it is."""
    if name == INSTANCES:
        return None if kind == pa.binary() else "binary"
    levels, inside = 0, kind
    while pa.types.is_fixed_size_list(inside):
        levels, inside = levels + 1, inside.value_type
    if name in TYPED:
        depth, wanted = _LISTS[name]
        right = levels == depth and (inside == wanted or (name == "depth" and pa.types.is_floating(inside)))
        return None if right else f"{wanted} in {depth} level{'s' if depth > 1 else ''} of lists of a fixed size"
    if not name.startswith(EXTRA):
        return f"no such column, or one that begins with '{EXTRA}'"
    plain = pa.types.is_integer(inside) or pa.types.is_floating(inside) or pa.types.is_boolean(inside)
    return None if plain else "numbers, in lists of a fixed size or not"


def layout_problems(footer: pq.FileMetaData, rows: int, group: int) -> Iterator[str]:
    """Where the rows of a shard are not as its manifest says.

    Args:
        footer: of the shard.
        rows: of the shard, by the manifest.
        group: rows in each row group but the last.
    """
    if footer.num_rows != rows:
        yield f"{footer.num_rows:,} rows, expected {rows:,}"
        return
    found = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
    expected = [min(group, rows - start) for start in range(0, rows, group)]
    if found != expected:
        yield f"row groups of {found[:4]}{'...' if len(found) > 4 else ''} rows, expected {group} in each but the last"
