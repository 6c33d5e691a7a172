"""Pictures in a folder, well-formed and otherwise."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.parts.data.image_folder import ImageFolder
from PIL import Image


def data(folder: Path, channels: int = 1, size: int = 16, **options: object) -> ImageFolder:
    options = {"validation": 0.0, "test": 0.0} | options
    return ImageFolder(Dims(channels=channels, size=size), dir=folder, **options)  # type: ignore[arg-type]


def only(folder: Path, channels: int = 1, size: int = 16, **options: object) -> torch.Tensor:
    """(C, H, W): the folder's single picture."""
    found = data(folder, channels, size, **options)
    assert len(found) == 1
    return found.batch([0]).image[0]


def paint(path: Path, colour: object = (255, 0, 0), size: tuple[int, int] = (32, 32), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "bmp", "webp", "gif", "tiff", "ppm"])
def test_every_usual_format_is_read(tmp_path: Path, suffix: str) -> None:
    paint(tmp_path / f"a.{suffix}")
    colour = only(tmp_path, channels=3)
    assert (colour.shape, colour.dtype) == ((3, 16, 16), torch.float32)
    assert torch.allclose(colour.mean((1, 2)), torch.tensor([1.0, 0, 0]), atol=0.02)
    grey = only(tmp_path, channels=1)
    assert grey.shape == (1, 16, 16)
    assert grey.mean().item() == pytest.approx(0.299, abs=0.01)


def test_pictures_are_found_at_any_depth_and_other_files_passed_over(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", (10, 10, 10))
    paint(tmp_path / "deep/er/b.png", (20, 20, 20))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "deep/labels.csv").write_text("1,2")
    found = data(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found.files] == ["a.png", "deep/er/b.png"]
    assert torch.allclose(found.batch([1, 0]).image.mean((1, 2, 3)), torch.tensor([20.0, 10.0]) / 255)


def test_wide_pictures_are_cropped_padded_or_stretched(tmp_path: Path) -> None:
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, 10:30] = 255  # the square about the centre
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert only(tmp_path, fit="crop").min() > 0.9
    padded = only(tmp_path, fit="pad")
    assert (padded[0, 0].max(), padded[0, 8, 8], padded[0, 8, 0]) == (0, 1, 0)
    assert only(tmp_path, fit="stretch").mean().item() == pytest.approx(0.5, abs=0.02)


def test_splits_are_disjoint_complete_and_stable_when_pictures_come_in(tmp_path: Path) -> None:
    for i in range(60):
        paint(tmp_path / f"{i}.png", (i, i, i))
    whole = ImageFolder(Dims(channels=1, size=16), dir=tmp_path, validation=0.2, test=0.3)
    splits = {name: set(whole.at(name).files) for name in ("train", "validation", "test")}
    assert sum(len(files) for files in splits.values()) == len(set().union(*splits.values())) == 60
    assert all(len(files) > 5 for files in splits.values())
    for i in range(60, 90):
        paint(tmp_path / f"{i}.png")
    for name, files in splits.items():
        assert files <= set(whole.at(name).files)


def test_the_same_index_is_always_the_same_picture(tmp_path: Path) -> None:
    for i in range(5):
        paint(tmp_path / f"{i}.png", (50 * i, 0, 0))
    cached, uncached = data(tmp_path, channels=3), data(tmp_path, channels=3, cache=0)
    for _ in range(2):
        assert torch.equal(cached.batch([3, 1, 3]).image, uncached.batch([3, 1, 3]).image)
    assert not uncached._fitted


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    for suffix in ("tiff", "png"):
        deep = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
        Image.fromarray(deep).save(tmp_path / f"a.{suffix}")
        assert torch.allclose(only(tmp_path)[0], torch.linspace(0, 1, 256).view(16, 16), atol=1 / 255)
        (tmp_path / f"a.{suffix}").unlink()


def test_floats_from_0_to_1_are_read_and_others_refused(tmp_path: Path) -> None:
    real = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    Image.fromarray(real).save(tmp_path / "a.tiff")
    assert torch.allclose(only(tmp_path)[0], torch.from_numpy(real), atol=1 / 255)
    Image.fromarray(real * 1000).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"a\.tiff: pixels from 0 to 1000; expected floats from 0 to 1"):
        only(tmp_path)
    Image.fromarray(np.full((16, 16), 1_000_000, np.int32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"a\.tiff: pixels from 1000000 to 1000000; expected 8 or 16 bits"):
        only(tmp_path)


def test_the_first_picture_of_an_animation_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert torch.allclose(only(tmp_path, channels=3).mean((1, 2)), torch.tensor([1.0, 0, 0]), atol=0.02)


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", (255, 255, 255, 0), mode="RGBA")
    assert only(tmp_path, channels=3).max() == 0
    paint(tmp_path / "a.png", (255, 128), mode="LA")
    assert only(tmp_path).mean().item() == pytest.approx(0.5, abs=0.01)


def test_the_cameras_orientation_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16), np.uint8)
    pixels[:8] = 255  # the top, which orientation 6 puts to the right
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    turned = only(tmp_path)[0]
    assert (turned[:, 12].min(), turned[:, 3].max()) == (1, 0)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("I am not a picture")


def truncated(path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-500])


def vast(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def large(path: Path) -> None:
    Image.new("1", (9_000, 9_000)).save(path)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "the file is empty"),
        (text, "not a picture that can be read"),
        (truncated, "not a picture that can be read: OSError: .*truncated"),
        (vast, "20000 x 20000 pixels, more than max_pixels = 64000000"),
        (large, "9000 x 9000 pixels, more than max_pixels = 64000000"),
        (dangling, "there is no such file"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    make(tmp_path / "bad.png")
    with pytest.raises(DataError, match=rf"{tmp_path}/bad\.png: .*{message}"):
        only(tmp_path)


def test_a_long_jpeg_is_decoded_at_a_smaller_size(tmp_path: Path) -> None:
    paint(tmp_path / "a.jpg", (0, 255, 0), size=(20_000, 400))
    assert only(tmp_path, channels=3)[1].min() > 0.98


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("")
    with pytest.raises(DataError, match=rf"{tmp_path}: no pictures in this folder \(\.bmp"):
        len(data(tmp_path))
    with pytest.raises(DataError, match="missing: there is no such folder"):
        len(data(tmp_path / "missing"))
    with pytest.raises(DataError, match=r"readme\.txt: a file; expected a folder"):
        len(data(tmp_path / "readme.txt"))


def test_an_empty_split_is_explained(tmp_path: Path) -> None:
    paint(tmp_path / "a.png")
    with pytest.raises(DataError, match="none of its 1 pictures falls into the test split"):
        len(data(tmp_path).at("test"))


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    paint(tmp_path / "open/a.png")
    assert len(data(tmp_path / "open")) == 1  # all that reading imports is imported
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "locked").mkdir(mode=0)
        if root:
            os.seteuid(65534)  # who may not read everything
        try:
            with pytest.raises(DataError, match="locked: cannot be read: Permission denied"):
                len(data(Path(folder)))
        finally:
            if root:
                os.seteuid(0)


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"channels is 2; a folder of pictures has 1 .* or 3"):
        data(tmp_path, channels=2)
    with pytest.raises(OptionError, match="leave no picture to train on"):
        data(tmp_path, validation=0.5, test=0.5)
