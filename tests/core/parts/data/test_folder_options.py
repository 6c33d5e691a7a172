"""Which pictures of a folder are read, and how: patterns, threads, memory, transparency."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.parts.data import image_folder
from gnm_core.parts.data.image_folder import ImageFolder
from PIL import Image


def data(folder: Path, channels: int = 3, **options: Any) -> ImageFolder:
    options = {"validation": 0.0, "test": 0.0} | options
    return ImageFolder(Dims(channels=channels, size=8), dir=folder, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("a.png", "a.jpg", "left/b.png", "left/thumbs/c.png", "right/d.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (40, 30, 3), np.uint8)).save(path)
    return tmp_path


@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        ((), (), ["a.jpg", "a.png", "left/b.png", "left/thumbs/c.png", "right/d.png"]),
        (("*.jpg",), (), ["a.jpg"]),
        (("left/*",), (), ["left/b.png", "left/thumbs/c.png"]),
        (("left/*", "right/*"), ("*/thumbs/*",), ["left/b.png", "right/d.png"]),
        ((), ("a.*", "?.png"), []),
        (("[ab].png",), (), ["a.png", "left/b.png"]),
        ((), ("A.PNG",), ["a.jpg", "a.png", "left/b.png", "left/thumbs/c.png", "right/d.png"]),
    ],
)
def test_patterns_choose_pictures(
    include: tuple[str, ...], exclude: tuple[str, ...], left: list[str], folder: Path
) -> None:
    found = data(folder, include=include, exclude=exclude)
    if not left:
        with pytest.raises(DataError, match="include and exclude leave none of its 5 pictures"):
            len(found)
        return
    assert [path.relative_to(folder).as_posix() for path in found.files] == left
    left_out = [note for note in found.notes() if "leave out" in note]
    assert left_out == ([f"{folder}: include and exclude leave out {5 - len(left)} pictures"] if len(left) < 5 else [])


def test_a_pattern_that_fits_nothing_is_told(folder: Path) -> None:
    with pytest.raises(DataError, match=r"include: 'lft/\*' fits none of its 5 pictures"):
        len(data(folder, include=("*.jpg", "lft/*")))


def test_patterns_move_no_picture_to_another_split(folder: Path) -> None:
    for i in range(40):
        Image.new("RGB", (8, 8)).save(folder / f"{i}.png")
    shares = {"validation": 0.3, "test": 0.3}
    for split in ("train", "validation", "test"):
        every = set(data(folder, split=split, **shares).files)
        assert set(data(folder, split=split, exclude=("1*",), **shares).files) <= every


@pytest.mark.parametrize("threads", [1, 2, 7, None])
@pytest.mark.parametrize("cache", [0, 512])
def test_the_same_index_is_the_same_picture_whatever_decodes_it(threads: int | None, cache: int, folder: Path) -> None:
    one_by_one = torch.cat([data(folder, threads=1).batch([i]).image for i in range(5)])
    found = data(folder, threads=threads, cache=cache)
    for order in ([0, 1, 2, 3, 4], [4, 4, 0, 3], [1], [2, 1, 0]):
        assert torch.equal(found.batch(order).image, one_by_one[order])


def test_pictures_are_decoded_side_by_side_and_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, read = threading.Barrier(2, timeout=60), []
    real = image_folder.read_picture

    def reading(path: Path, *arguments: Any, **options: Any) -> Any:
        read.append(path)
        if (path.suffix == ".png" and path.parent == folder / "left") or path.parent == folder / "right":
            meeting.wait()  # passes only where two are at it at a time
        return real(path, *arguments, **options)

    monkeypatch.setattr(image_folder, "read_picture", reading)
    found = data(folder, threads=2)
    found.batch([0, 2, 4, 0])
    found.batch([4, 2, 0])
    assert len(read) == 3


def test_memory_is_bounded_and_what_has_no_room_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = image_folder.read_picture
    monkeypatch.setattr(image_folder, "read_picture", lambda path, *a, **k: read.append(path) or real(path, *a, **k))
    size = 600  # 1.08 MB a picture
    found = ImageFolder(Dims(channels=3, size=size), dir=folder, validation=0, test=0, cache=3)
    assert any(
        note == f"{folder}: 2 of 5 pictures stay in memory at 600 px once they are decoded (2 MB), the others are "
        "decoded each time; all would need data.cache=6"
        for note in found.notes()
    )
    first = found.batch(range(5)).image
    assert torch.equal(found.batch(range(5)).image, first)
    assert len(read) == 5 + 3


def test_large_photographs_are_told_to_be_kept_small(folder: Path) -> None:
    kept = "5 of 5 pictures stay in memory at 8 px once they are decoded (0 MB)"
    assert data(folder).notes() == (f"{folder}: {kept}: the first epoch is slower than the others",)
    assert ImageFolder(Dims(channels=3, size=16), dir=folder).notes() == ()


# Transparency


@pytest.mark.parametrize(
    ("background", "expected"),
    [("black", (0, 0, 0)), ("white", (255, 255, 255)), ("#8040ff", (128, 64, 255)), ("rgb(1, 2, 3)", (1, 2, 3))],
)
def test_what_a_picture_lets_through_has_the_colour_of_the_background(
    background: str, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    pixels = np.full((8, 8, 4), 200, np.uint8)
    pixels[..., 3] = 255
    pixels[:4, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = (data(tmp_path, background=background).batch([0]).image[0] * 255).round()
    assert image[:, 1, 1].tolist() == list(expected)
    assert image[:, 6, 6].tolist() == [200, 200, 200]


def test_a_transparent_value_of_16_bits_has_the_background_too(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "a.png", transparency=40_000)
    assert data(tmp_path, channels=1, background="white").batch([0]).image.min() == 1
    assert data(tmp_path, channels=1).batch([0]).image.max() == 0


def test_a_colour_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="background: 'wite' is no colour; expected a name"):
        data(tmp_path, background="wite")
