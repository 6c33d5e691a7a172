"""Pictures of any size and kind are fitted to a model's square, and boxes find their way back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gnm_core import DataError, Dims
from gnm_core.parts.data.folder import pictures_under
from gnm_core.parts.data.image_folder import ImageFolder
from gnm_core.parts.data.picture import read_picture
from PIL import Image

SIZES = [(64, 64), (300, 200), (200, 300), (1000, 260), (67, 401), (20, 12)]


def with_patch(width: int, height: int, box: tuple[int, int, int, int]) -> Image.Image:
    pixels = np.zeros((height, width), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    return Image.fromarray(pixels)


def patch_found(pixels: np.ndarray) -> torch.Tensor:
    rows, columns = np.nonzero(pixels[0] > 127)
    return torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_boxes_find_their_way_back(tmp_path: Path, fit: str, width: int, height: int, kind: str) -> None:
    side = min(width, height)
    left, top = width // 2 - side // 4, height // 2 - side // 5
    box = (left, top, left + side // 2, top + side // 3)
    path = tmp_path / f"picture.{kind}"
    with_patch(width, height, box).save(path)
    picture = read_picture(path, Dims(size=64), fit=fit)
    assert picture.pixels.shape == (1, 64, 64)
    assert (picture.width, picture.height) == (width, height)
    back = picture.frame.to_original(patch_found(picture.pixels), 64)
    per_pixel = max(picture.frame.width, picture.frame.height) / 64
    assert (back - torch.tensor(box)).abs().max() <= 1.01 * per_pixel + (1 if kind == "jpg" else 0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_cameras_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    picture = with_patch(120, 80, (10, 5, 40, 25))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "camera.png", exif=exif)
    seen = read_picture(tmp_path / "camera.png", Dims(size=64), fit="pad")
    turned = orientation >= 5
    assert (seen.width, seen.height) == ((80, 120) if turned else (120, 80))
    x0, y0, x1, y1 = seen.frame.to_original(patch_found(seen.pixels), 64).tolist()
    long, short = (y1 - y0, x1 - x0) if turned else (x1 - x0, y1 - y0)
    assert long == pytest.approx(30, abs=4)
    assert short == pytest.approx(20, abs=4)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_the_models_square_maps_to_what_it_shows(tmp_path: Path, fit: str) -> None:
    Image.new("L", (200, 100)).save(tmp_path / "wide.png")
    frame = read_picture(tmp_path / "wide.png", Dims(size=64), fit=fit).frame
    corners = frame.to_original(torch.tensor([0.0, 0, 64, 64]), 64).tolist()
    assert corners == {"crop": [50, 0, 150, 100], "pad": [0, -50, 200, 150], "stretch": [0, 0, 200, 100]}[fit]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_pixel_is_read(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.tif")
    Image.new(mode, (30, 20), 1).save(path)
    assert read_picture(path, Dims(size=16, channels=channels)).pixels.shape == (channels, 16, 16)


def test_what_a_picture_lets_through_is_black(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert not read_picture(tmp_path / "clear.png", Dims(size=8, channels=3)).pixels.any()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("empty.png", b"", "the file is empty"),
        ("text.png", b"hello, this is no picture", "not a picture that can be read"),
        ("cut.png", None, "not a picture that can be read"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes | None, text: str) -> None:
    path = tmp_path / name
    if content is None:
        Image.effect_noise((64, 64), 50).save(path)
        content = path.read_bytes()[:1000]
    path.write_bytes(content)
    with pytest.raises(DataError, match=text) as error:
        read_picture(path, Dims(size=16))
    assert str(path) in str(error.value)


def test_a_missing_file_and_a_giant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_picture(tmp_path / "nowhere.png", Dims())
    Image.new("L", (100, 100)).save(tmp_path / "giant.png")
    with pytest.raises(DataError, match="100 x 100 pixels, more than max_pixels = 9999"):
        read_picture(tmp_path / "giant.png", Dims(), max_pixels=9999)


def test_pictures_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.JPG", "a/b/c.webp", "notes.txt", "c.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert pictures_under(tmp_path) == ["a/b/c.webp", "a/z.JPG", "b.png"]


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="no pictures in this folder"):
        pictures_under(tmp_path)
    with pytest.raises(DataError, match="a file; expected a folder"):
        pictures_under(tmp_path / "notes.txt")
    with pytest.raises(DataError, match="there is no such folder"):
        pictures_under(tmp_path / "nowhere")


def test_a_folder_of_pictures_reads_them_the_same_way(tmp_path: Path) -> None:
    Image.effect_noise((50, 40), 80).save(tmp_path / "noise.png")
    folder = ImageFolder(Dims(size=16), dir=tmp_path, validation=0, test=0, fit="pad")
    expected = torch.from_numpy(read_picture(tmp_path / "noise.png", Dims(size=16), fit="pad").pixels) / 255
    torch.testing.assert_close(folder.batch([0]).image[0], expected)
