"""A shard of the wrong kind is an error that names it, when it is opened; a damaged one never a wrong image."""

import base64
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Parquet, Recipe, build, read_manifest
from gnm_data.storage.files import sha256_of
from gnm_data.storage.manifest import write_manifest
from hypothesis import given, settings
from hypothesis import strategies as st

DIMS = Dims(size=32)
many = settings.get_profile("many")
ROWS, SHARD = 24, 16


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    build(
        partial(Mnist4, DIMS, digits=EmbeddedDigits()), Recipe("mnist-4", {}, {}), folder, count=ROWS, shard_size=SHARD
    )
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "set")
    return tmp_path / "set"


def rewritten(folder: Path, shard: int, change: Callable[[pa.Table], pa.Table], *, rows: int | None = None) -> None:
    """Another shard in the place of one, and a manifest that knows its size and checksum."""
    manifest = read_manifest(folder)
    split = manifest.splits["train"]
    old = split.shards[shard]
    path = folder / old.file
    table = change(pq.read_table(path))
    pq.write_table(table, path, row_group_size=manifest.group, write_page_checksum=True)
    new = replace(old, size=path.stat().st_size, sha256=sha256_of(path), rows=rows or old.rows)
    shards = tuple(new if one is old else one for one in split.shards)
    write_manifest(folder, replace(manifest, splits={"train": replace(split, shards=shards)}))


def column(name: str, make: Callable[[pa.ChunkedArray], object]) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(make(table[name])))


def nulls(values: pa.ChunkedArray) -> pa.Array:
    return pa.array([None, *values.to_pylist()[1:]], values.type)


WRONG: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "no rows": (lambda table: table.slice(0, 0), "0 rows, expected 16"),
    "fewer rows": (lambda table: table.slice(0, 9), "9 rows, expected 16"),
    "no images": (lambda table: table.drop_columns(["image"]), "image is missing, expected binary"),
    "no index": (lambda table: table.drop_columns(["index"]), "index is missing, expected int64"),
    "no boxes": (lambda table: table.drop_columns(["boxes"]), "boxes is missing"),
    "flat boxes": (column("boxes", lambda c: [row[0] for row in c.to_pylist()]), "boxes is list.*expected float"),
    "labels as text": (column("labels", lambda c: ["7"] * len(c)), "labels is string, expected int64 in 1 level"),
    "a dictionary": (column("image", lambda c: c.combine_chunks().dictionary_encode()), "image is dictionary"),
    "images as text": (column("image", lambda c: ["x"] * len(c)), "image is string, expected binary"),
    "a stranger": (lambda table: table.append_column("x", pa.array(["a"] * len(table))), "x is string, expected no"),
}  # fmt: skip


@pytest.mark.parametrize("shard", [0, 1])
@pytest.mark.parametrize("kind", WRONG)
def test_a_shard_of_another_kind_is_refused_when_it_is_opened(kind: str, shard: int, folder: Path) -> None:
    change, told = WRONG[kind]
    told = told.replace("expected 16", "expected 8") if shard else told
    if shard and kind == "fewer rows":
        change, told = (lambda table: table.slice(0, 5)), "5 rows, expected 8"
    rewritten(folder, shard, change)
    if shard == 0:  # the others are looked at when they are opened
        with pytest.raises(DataError, match=told) as caught:
            Parquet(DIMS, dir=folder)
    else:
        stored = Parquet(DIMS, dir=folder)
        with pytest.raises(DataError, match=told) as caught:
            stored.batch([SHARD])
    assert f"train/0000{shard}.parquet" in str(caught.value)
    assert "`gnm data verify" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (column("index", lambda c: np.arange(len(c)) + 1), "row group 0 does not hold images 0 to 15"),
        (column("index", lambda c: np.zeros(len(c), np.int64)), "row group 0 does not hold images 0 to 15"),
        (column("index", nulls), "row group 0 does not hold images 0 to 15"),
        (column("labels", nulls), "row group 0: labels is not there for every image"),
        (column("image", nulls), "row group 0: image is not there for every image"),
        (column("extra/digit", nulls), "row group 0: extra/digit is not there for every image"),
    ],
)
def test_rows_that_are_not_what_they_should_be_are_refused_when_they_are_read(
    change: Callable[[pa.Table], pa.Table], told: str, folder: Path
) -> None:
    rewritten(folder, 0, change)
    stored = Parquet(DIMS, dir=folder)
    with pytest.raises(DataError, match=told):
        stored.batch([0])


def test_a_later_shard_must_be_like_the_first(folder: Path) -> None:
    rewritten(folder, 1, lambda table: table.drop_columns(["extra/digit"]))
    with pytest.raises(DataError, match="its columns are not those of the first shard: extra/digit is absent"):
        Parquet(DIMS, dir=folder).batch([SHARD])


def test_a_footer_that_promises_more_numbers_than_fit_into_memory_is_an_error(folder: Path) -> None:
    file = folder / "train/00000.parquet"
    text = pq.read_metadata(file).metadata[b"ARROW:schema"]
    serialized = base64.b64decode(text)
    huge = []
    for place in range(len(serialized) - 4):
        if serialized[place : place + 4] == (4).to_bytes(4, "little"):  # numbers of a box, or something else of four
            changed = serialized[:place] + (2**28 + 4).to_bytes(4, "little") + serialized[place + 4 :]
            with suppress(pa.ArrowException, OSError):
                if "[268435460]" in str(pa.ipc.read_schema(pa.BufferReader(changed)).field("boxes").type):
                    huge.append(base64.b64encode(changed))
    assert huge
    for changed in huge:
        file.write_bytes(file.read_bytes().replace(text, changed))
        text = changed
        with pytest.raises(DataError, match=r"00000\.parquet: cannot be read"):
            Parquet(DIMS, dir=folder).batch(range(ROWS))


@many
@given(data=st.data())
def test_a_flipped_bit_in_a_footer_is_an_error_or_harmless(data: st.DataObject, sound: Path, tmp_path: Path) -> None:
    file = sound / "train/00000.parquet"
    content = bytearray(file.read_bytes())
    length = int.from_bytes(content[-8:-4], "little") + 8
    place = data.draw(st.integers(0, 8 * length - 1))
    content[len(content) - length + place // 8] ^= 1 << place % 8
    broken = tmp_path / "broken"
    if not broken.exists():
        shutil.copytree(sound, broken)
    (broken / "train/00000.parquet").write_bytes(content)
    expected = Parquet(DIMS, dir=sound).batch(range(ROWS))
    with suppress(DataError):
        found = Parquet(DIMS, dir=broken).batch(range(ROWS))
        assert torch.equal(found.image, expected.image)
        assert found.truth is not None
        assert expected.truth is not None
        assert torch.equal(found.truth.boxes, expected.truth.boxes)
        assert torch.equal(found.truth.labels, expected.truth.labels)
