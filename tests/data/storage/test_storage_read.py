"""A data set on disk is the data set that was stored, in bounded memory, in an order that can be resumed."""

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch, Truth
from gnm_core.schema import DataSpec
from gnm_core.spec import load_spec
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.storage import Parquet, Recipe, build, shard
from hypothesis import given, settings
from hypothesis import strategies as st

RECIPE = Recipe("test", {}, {})
DIMS = Dims(size=32)
mnist4 = partial(Mnist4, DIMS, digits=EmbeddedDigits())


class Everything(Data):
    """Colour images with every kind of truth, of many types."""

    split = "train"

    def __init__(self, length: int = 50) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def at(self, split: str) -> Data:
        return self

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        return stack([self._one(int(index)) for index in indices])

    def _one(self, index: int) -> Batch:
        random = torch.Generator().manual_seed(index)
        image = torch.randint(0, 256, (1, 3, 16, 16), generator=random) / 255
        truth = Truth(
            present=torch.rand(1, 5, generator=random) < 0.5,
            labels=torch.randint(-1, 10, (1, 5), generator=random),
            boxes=torch.randn(1, 5, 4, generator=random),
            visible_boxes=torch.randn(1, 5, 4, generator=random),
            instances=torch.randint(0, 6, (1, 16, 16), generator=random, dtype=torch.uint8),
            depth=torch.randn(1, 5, generator=random, dtype=torch.float64),
            extra={
                "rule/number": torch.randint(-(2**60), 2**60, (1,), generator=random),
                "half": torch.randn(1, 3, generator=random).half(),
                "flag": torch.rand(1, generator=random) < 0.5,
                "small": torch.randint(0, 255, (1, 2, 3, 2), generator=random, dtype=torch.uint8),
                "special": torch.tensor([[torch.nan, torch.inf, -0.0]]),
            },
        )
        return Batch(image, truth)


def stack(batches: list[Batch]) -> Batch:
    truths = [batch.truth for batch in batches if batch.truth is not None]
    joined = {
        field.name: torch.cat([getattr(truth, field.name) for truth in truths])
        for field in fields(Truth)
        if field.name != "extra"
    }
    extra = {name: torch.cat([truth.extra[name] for truth in truths]) for name in truths[0].extra}
    return Batch(torch.cat([batch.image for batch in batches]), Truth(**joined, extra=extra))


def tensors(batch: Batch) -> Iterator[tuple[str, torch.Tensor]]:
    yield "image", batch.image
    if batch.truth is not None:
        named = {field.name: getattr(batch.truth, field.name) for field in fields(Truth)}
        yield from (named.pop("extra") | {name: value for name, value in named.items() if value is not None}).items()


def assert_equal(found: Batch, expected: Batch) -> None:
    """Same names, types, shapes and bits."""
    ours, theirs = dict(tensors(found)), dict(tensors(expected))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert (ours[name].dtype, ours[name].shape) == (value.dtype, value.shape), name
        assert ours[name].is_contiguous(), name
        assert ours[name].contiguous().numpy().tobytes() == value.contiguous().numpy().tobytes(), name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,100 scenes in three shards of two row groups and one of one."""
    path = tmp_path_factory.mktemp("storage")
    build(mnist4, RECIPE, path, count=1100, shard_size=300)
    build(partial(mnist4, split="validation"), RECIPE, path, count=40)
    return path


@pytest.mark.parametrize("kind", [Mnist4, Mnist10])
def test_scenes_come_back_exactly(tmp_path: Path, kind: type[Mnist4] | type[Mnist10]) -> None:
    source = kind(Dims(size=64), digits=EmbeddedDigits())
    build(lambda: source, RECIPE, tmp_path, count=70, shard_size=30)
    assert_equal(Parquet(Dims(size=64), dir=tmp_path).batch(range(70)), source.batch(range(70)))


def test_rooms_come_back_exactly(tmp_path: Path) -> None:
    source = load_spec({"dims": {"channels": 3, "size": 32}, "data": "arrow-room"}, top=DataSpec).data()
    build(lambda: source, RECIPE, tmp_path, count=12, shard_size=7)
    stored = Parquet(Dims(channels=3, size=32), dir=tmp_path)
    assert_equal(stored.batch(range(12)), source.batch(range(12)))
    assert stored.classes == source.classes


def test_every_kind_of_truth_comes_back_exactly(tmp_path: Path) -> None:
    build(Everything, RECIPE, tmp_path, shard_size=20)
    stored = Parquet(Dims(channels=3, size=16), dir=tmp_path)
    wanted = [49, 0, 19, 20, 20, 3]
    assert_equal(stored.batch(wanted), Everything().batch(wanted))
    empty = stored.batch([])
    assert empty.image.shape == (0, 3, 16, 16)
    assert empty.truth is not None
    assert empty.truth.boxes.shape == (0, 5, 4)


def test_images_without_truth_come_back_without(tmp_path: Path) -> None:
    class Plain(Everything):
        def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
            return replace(super().batch(indices), truth=None)

    build(Plain, RECIPE, tmp_path)
    found = Parquet(Dims(channels=3, size=16), dir=tmp_path).batch([7, 3])
    assert found.truth is None
    assert_equal(found, Plain().batch([7, 3]))


def test_truth_can_be_left_out(folder: Path) -> None:
    stored = Parquet(DIMS, dir=folder, truth=False)
    assert_equal(stored.batch([800, 3]), replace(mnist4().batch([800, 3]), truth=None))
    assert stored.at("validation").batch([0]).truth is None
    assert pickle.loads(pickle.dumps(stored)).batch([0]).truth is None


def test_images_are_rounded_to_8_bits(tmp_path: Path) -> None:
    class Smooth(Everything):
        def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
            batch = super().batch(indices)
            return replace(batch, image=batch.image * 0.7)

    build(Smooth, RECIPE, tmp_path)
    found = Parquet(Dims(channels=3, size=16), dir=tmp_path).batch(range(50)).image
    assert (found - Smooth().batch(range(50)).image).abs().max() <= 0.5 / 255 + 1e-7
    assert torch.equal(found, (found * 255).round() / 255)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 1099), max_size=40))
def test_random_access_equals_the_source(folder: Path, indices: list[int]) -> None:
    assert_equal(Parquet(DIMS, dir=folder, window=2).batch(indices), mnist4().batch(np.array(indices, np.int64)))


def test_splits_stay_apart(folder: Path) -> None:
    stored = Parquet(DIMS, dir=folder)
    assert_equal(stored.at("validation").batch(range(40)), mnist4(split="validation").batch(range(40)))
    assert (stored.split, stored.at("validation").split, len(stored.at("validation"))) == ("train", "validation", 40)
    with pytest.raises(DataError, match=r"has no test split \(there: train, validation\); build it with --split test"):
        stored.at("test")


def test_other_tools_read_the_shards(folder: Path) -> None:
    table = pq.read_table(folder / "train")
    assert table.num_rows == 1100
    assert sorted(table["index"].to_pylist()) == list(range(1100))
    truth = mnist4().batch([5]).truth
    assert truth is not None
    row = table.slice(table["index"].to_pylist().index(5), 1).to_pylist()[0]
    assert row["labels"] == truth.labels[0].tolist()
    assert row["boxes"] == truth.boxes[0].tolist()
    assert row["image"].startswith(b"\x89PNG")


def test_an_epochs_order_is_a_pure_permutation(folder: Path) -> None:
    stored = Parquet(DIMS, dir=folder, window=3)
    orders = [stored.order(epoch, seed) for epoch, seed in ((0, 0), (1, 0), (0, 1))]
    for order in orders:
        assert order.dtype == np.int64
        assert np.array_equal(np.sort(order), np.arange(1100))
    assert not any(np.array_equal(orders[0], other) for other in orders[1:])
    assert np.array_equal(orders[0], Parquet(DIMS, dir=folder, window=3).order(0, 0))


@pytest.mark.parametrize("window", [1, 2, 3, 64])
@pytest.mark.parametrize("batch", [7, 32, 400])
def test_an_epoch_reads_every_row_group_once(folder: Path, window: int, batch: int) -> None:
    stored = Parquet(DIMS, dir=folder, window=window)
    order = stored.order(0, 5)
    for start in range(0, len(order), batch):
        stored.batch(order[start : start + batch])
    read = stored.rows.read.cache_info()
    assert read.misses == len(stored.rows.bounds()[0]) == 7
    assert read.currsize <= window


def test_rows_mix_across_the_whole_window(folder: Path) -> None:
    order = Parquet(DIMS, dir=folder).order(0, 0)
    # In a fair shuffle, about 1 in 1,100 neighbours follow each other, and a batch of 100 comes from everywhere.
    assert (np.diff(order) == 1).sum() < 10
    assert len(np.unique(order[:100] // 256)) == 5


def test_bounds_of_row_groups_are_those_of_the_files(folder: Path) -> None:
    starts, stops = Parquet(DIMS, dir=folder).rows.bounds()
    rows = [
        metadata.row_group(group).num_rows
        for path in sorted((folder / "train").glob("*.parquet"))
        for metadata in [pq.read_metadata(path)]
        for group in range(metadata.num_row_groups)
    ]
    assert (stops - starts).tolist() == rows == [256, 44, 256, 44, 256, 44, 200]
    assert starts.tolist() == [0, *np.cumsum(rows)[:-1].tolist()]


@pytest.mark.parametrize(
    ("image", "rows"), [((1, 32, 32), 256), ((1, 128, 128), 64), ((3, 128, 128), 21), ((3, 4096, 4096), 1)]
)
def test_a_row_group_holds_about_a_megabyte(image: tuple[int, int, int], rows: int) -> None:
    assert shard.rows_per_group(image) == rows


def test_damage_is_named_when_it_is_read(tmp_path: Path) -> None:
    build(mnist4, RECIPE, tmp_path, count=60, shard_size=30)
    path = tmp_path / "train/00001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    stored = Parquet(DIMS, dir=tmp_path)
    stored.batch(range(30))
    with pytest.raises(DataError, match=r"train/00001\.parquet: cannot be read: (.|\n)*gnm data verify"):
        stored.batch([31])
    path.write_bytes(data[:-5])
    with pytest.raises(DataError, match=r"train/00001\.parquet: truncated: "):
        Parquet(DIMS, dir=tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"train/00001\.parquet: cannot be read"):
        stored.batch([31])


def test_what_does_not_fit_is_told(folder: Path) -> None:
    with pytest.raises(OptionError, match=r"dims: .* holds images of 1 x 32 x 32; channels is 3 and size is 64"):
        Parquet(Dims(channels=3, size=64), dir=folder)
    with pytest.raises(OptionError, match="split: 'tests' is not a split"):
        Parquet(DIMS, dir=folder, split="tests")
    for indices in ([1100], [-1], [0, 5000]):
        with pytest.raises(IndexError, match="of a split of 1100 images"):
            Parquet(DIMS, dir=folder).batch(indices)


def test_it_travels_to_other_processes_and_serves_several_threads(folder: Path) -> None:
    stored = pickle.loads(pickle.dumps(Parquet(DIMS, dir=folder, window=2)))
    assert (stored.split, stored.window) == ("train", 2)
    source = mnist4()
    batches = [np.arange(start, 1100, 50) for start in range(50)]
    with ThreadPoolExecutor(4) as threads:
        for found, indices in zip(threads.map(stored.batch, batches), batches, strict=True):
            assert_equal(found, source.batch(indices))


MEASURE = """
import json, sys
from pathlib import Path
import numpy as np, torch
from gnm_core.dims import Dims
from gnm_data.storage import Parquet

torch.set_num_threads(1)

def memory(field):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(field))

stored = Parquet(Dims(channels=3, size=128), dir=Path(sys.argv[1]))
stored.batch([0])
before = memory("VmRSS")
order, total = stored.order(0, 0), 0
for start in range(0, len(order), 32):
    total += len(stored.batch(order[start : start + 32]).image)
for start in range(20):
    stored.batch(np.random.default_rng(start).integers(0, len(order), 32))
print(json.dumps({"images": total, "grown": memory("VmHWM") - before}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure memory")
def test_a_pass_over_a_large_data_set_takes_little_memory(tmp_path: Path) -> None:
    """320 MB of PNG, 1.3 GB as float32: one shard of noise, sixteen times."""
    from gnm_data.storage.manifest import Manifest, Split, write_manifest

    class Noise(Everything):
        def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
            noise = [np.random.default_rng(index).integers(0, 256, (3, 128, 128)) for index in indices]
            return Batch(torch.from_numpy(np.stack(noise)).float() / 255)

    built = build(partial(Noise, 400), RECIPE, tmp_path / "one")
    (first,) = built.split.shards
    (tmp_path / "many/train").mkdir(parents=True)
    table = pq.read_table(tmp_path / "one" / first.file)
    files = [tmp_path / f"many/train/{number:05}.parquet" for number in range(16)]
    for number, file in enumerate(files):
        table = table.set_column(0, "index", pa.array(range(400 * number, 400 * (number + 1))))
        pq.write_table(table, file, row_group_size=21, use_dictionary=False, write_statistics=False)
    shards = tuple(replace(first, file=f"train/{file.name}", size=file.stat().st_size) for file in files)
    write_manifest(tmp_path / "many", Manifest(RECIPE, (3, 128, 128), (), 21, {"train": Split(16 * 400, 400, shards)}))
    assert sum((tmp_path / "many" / there.file).stat().st_size for there in shards) > 300e6
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "many")]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(told)
    assert told["images"] == 6400
    assert told["grown"] < 200
