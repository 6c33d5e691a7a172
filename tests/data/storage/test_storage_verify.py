"""Every kind of damage to a data set is found and named."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Parquet, Recipe, build, read_manifest, verify

mnist4 = partial(Mnist4, Dims(size=32), digits=EmbeddedDigits())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of four shards."""
    build(mnist4, Recipe("mnist-4", {}, {}), tmp_path / "set", count=100, shard_size=25)
    return tmp_path / "set"


def flip(path: Path, where: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "first bit": (partial(flip, where=0), "damaged: sha256 is "),
    "middle bit": (partial(flip, where=0.5), "damaged: sha256 is "),
    "last bit": (partial(flip, where=1), "damaged: sha256 is "),
    "truncated": (cut, "truncated: "),
    "empty": (lambda path: path.write_bytes(b""), "truncated: 0 of "),  # type: ignore[dict-item]
    "too long": (lengthen, "too long: "),
    "missing": (Path.unlink, "missing"),
}


def test_an_untouched_data_set_is_sound(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert verify(folder, lambda done, total: seen.append((done, total))) == []
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("shard", [0, 3])
def test_damage_is_found_and_the_shard_is_named(folder: Path, kind: str, shard: int) -> None:
    harm, told = DAMAGE[kind]
    file = f"train/0000{shard}.parquet"
    harm(folder / file)
    (problem,) = verify(folder)
    assert problem.startswith(f"{file}: {told}")


def test_everything_that_is_wrong_is_listed(folder: Path) -> None:
    (folder / "train/00001.parquet").unlink()
    flip(folder / "train/00002.parquet", 0.3)
    (folder / "train/00009.parquet").write_bytes(b"extra")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/copy.parquet").write_bytes((folder / "train/00000.parquet").read_bytes())
    problems = verify(folder)
    assert [problem.split(":")[:2] for problem in problems] == [
        ["train/00001.parquet", " missing"],
        ["train/00002.parquet", " damaged"],
        ["elsewhere/copy.parquet", " extra"],
        ["train/00009.parquet", " extra"],
    ]


def test_swapped_shards_are_found(folder: Path) -> None:
    first, second = folder / "train/00000.parquet", folder / "train/00001.parquet"
    first.rename(folder / "other")
    second.rename(first)
    (folder / "other").rename(second)
    assert [problem.split(":")[0] for problem in verify(folder)] == ["train/00000.parquet", "train/00001.parquet"]


def test_any_change_to_the_manifest_is_found(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for position in range(0, len(whole) - 1, 37):
        hurt = bytearray(whole)
        hurt[position] ^= 1
        path.write_bytes(hurt)
        if hurt[position : position + 1].isspace() and whole[position : position + 1].isspace():
            continue
        with pytest.raises(DataError, match=r"manifest\.json: "):
            read_manifest(folder)
    path.write_bytes(whole)
    assert verify(folder) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "damaged: not JSON"),
        ("{", "damaged: not JSON"),
        ("[" * 100_000, "damaged: not JSON"),
        ("\x00\xff", "damaged: not JSON"),
        ("[1]", "states no format"),
        ('{"format": "1"}', "states no format"),
        ('{"format": 2, "anything": 0}', "written in format 2"),
        ('{"format": 1}', "does not match its own checksum"),
    ],
)
def test_what_is_no_manifest_is_refused(folder: Path, text: str, told: str) -> None:
    (folder / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=rf"manifest\.json: .*{told}"):
        verify(folder)
    with pytest.raises(DataError, match=told):
        Parquet(Dims(size=32), dir=folder)


def test_an_unfinished_build_is_told(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done >= 50:
            raise KeyboardInterrupt

    recipe = Recipe("mnist-4", {}, {})
    with pytest.raises(KeyboardInterrupt):
        build(mnist4, recipe, tmp_path, count=100, shard_size=20, progress=stop)
    told = "unfinished: 2 of 5 shards; repeat the build command"
    (problem,) = verify(tmp_path)
    assert problem.startswith(f"train: {told}")
    with pytest.raises(DataError, match="the build of train is unfinished"):
        Parquet(Dims(size=32), dir=tmp_path)
    build(partial(mnist4, split="test"), recipe, tmp_path, count=10)
    (problem,) = verify(tmp_path)
    assert problem.startswith(f"train: {told}")
    assert len(Parquet(Dims(size=32), dir=tmp_path, split="test")) == 10
    build(mnist4, recipe, tmp_path, count=100, shard_size=20)
    assert verify(tmp_path) == []


def test_a_folder_without_a_data_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json: no such file"):
        verify(tmp_path)
    with pytest.raises(DataError, match="no data set here"):
        Parquet(Dims(size=32), dir=tmp_path)
    with pytest.raises(DataError, match="nowhere: no such folder"):
        Parquet(Dims(size=32), dir=tmp_path / "nowhere")


def test_the_manifest_reads_as_json(folder: Path) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    assert content["format"] == 1
    assert [shard["rows"] for shard in content["splits"]["train"]["shards"]] == [25, 25, 25, 25]
