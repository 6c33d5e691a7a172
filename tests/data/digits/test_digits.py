"""Sources of digits: what they give, and what they say of broken files."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_data.digits.contract import DigitSource
from gnm_data.digits.embedded import EmbeddedDigits, redraw
from gnm_data.digits.glyphs import Glyphs
from gnm_data.digits.mnist import MnistDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.splits import SPLITS

MNIST = Path(__file__).parents[4] / "shared" / "mnist"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(1, 256, (count, 28, 28), np.uint8)


def labels(count: int) -> np.ndarray:
    """Every class, in training and in validation."""
    return np.arange(count) // 6 % 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all four files, small."""
    for part, count in (("train", 120), ("t10k", 60)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images(count)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels(count)))
    return tmp_path


@pytest.fixture
def mnist() -> DigitSource:
    if not MNIST.is_dir():
        pytest.skip(f"no real MNIST digits at {MNIST}")
    return MnistDigits(dir=MNIST)


@pytest.fixture(params=["embedded", "mnist"])
def source(request: pytest.FixtureRequest) -> DigitSource:
    return EmbeddedDigits() if request.param == "embedded" else request.getfixturevalue("mnist")


def test_no_digit_is_in_two_splits_and_none_is_lost(source: DigitSource) -> None:
    splits = [source.read(split) for split in SPLITS]
    total = 1797 if isinstance(source, EmbeddedDigits) else 70_000
    assert sum(len(digits.labels) for digits in splits) == total
    assert all(set(digits.labels.tolist()) == set(range(10)) for digits in splits)
    pictures = [{image.tobytes() for image in digits.images} for digits in splits]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not pictures[one] & pictures[other]


def test_scenes_name_the_digits_that_they_show(source: DigitSource) -> None:
    for split in SPLITS:
        digits = source.read(split)
        truth = Mnist4(Dims(), digits=source, split=split).batch(range(50)).truth
        assert truth is not None
        assert (digits.labels[truth.extra["digit"].numpy()] == truth.labels.numpy()).all()


def test_mnist_digits_keep_their_pixels(mnist: DigitSource) -> None:
    digits = mnist.read("test")
    batch = Mnist4(Dims(), digits=mnist, split="test").batch(range(20))
    assert batch.truth is not None
    compared = 0
    for image, boxes, chosen in zip(batch.image, batch.truth.boxes, batch.truth.extra["digit"], strict=True):
        for (x0, y0, x1, y1), which in zip(boxes.int().tolist(), chosen.tolist(), strict=True):
            original = digits.images[which]
            rows, columns = np.flatnonzero(original.any(1)), np.flatnonzero(original.any(0))
            cut = original[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            if max(cut.shape) == 20:
                compared += 1
                assert np.array_equal((image[0, y0:y1, x0:x1] * 255).round().numpy(), cut)
    assert compared > 60


def test_glyphs_are_tight_and_of_the_size_asked_for(source: DigitSource) -> None:
    digits = source.read("validation")
    for size in (7, 10, 14, 20, 33):
        glyphs = Glyphs(digits.images[:300], digits.labels[:300], size)
        picked = glyphs.pick(np.arange(len(glyphs.sources)))
        assert np.median(picked.sides.max(1)) == size
        assert picked.sides.max() == size
        for image, (width, height) in zip(picked.images, picked.sides, strict=True):
            assert image[0].any()
            assert image[height - 1].any()
            assert image[:, 0].any()
            assert image[:, width - 1].any()
            assert not image[height:].any()
            assert not image[:, width:].any()


def test_glyphs_are_sorted_by_class(source: DigitSource) -> None:
    digits = source.read("test")
    glyphs = source.glyphs("test", 20)
    for label in range(10):
        its = glyphs.sources[glyphs.starts[label] : glyphs.starts[label] + glyphs.counts[label]]
        assert (digits.labels[its] == label).all()
    assert source.glyphs("test", 20) is glyphs


def test_redrawn_strokes_keep_the_ink_of_each_cell() -> None:
    from sklearn.datasets import load_digits

    cells = load_digits().images / 16
    drawn = redraw(cells) / 255
    ink = drawn.reshape(len(cells), 10, 4, 10, 4).mean((2, 4))[:, 1:-1, 1:-1]
    assert np.abs(ink - cells).mean() < 0.03
    soft = ((drawn > 0.1) & (drawn < 0.9)).sum() / (drawn > 0.1).sum()
    assert soft < 0.6  # a cubic interpolation has 0.85, MNIST 0.49


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("joint", ["-", "."])
def test_files_are_read_plain_or_packed_under_either_name(
    folder: Path, pack: Callable[[bytes], bytes], joint: str
) -> None:
    for path in list(folder.iterdir()):
        data = path.read_bytes()
        path.unlink()
        stem, ending = path.name.rsplit("-idx", 1)
        suffix = ".gz" if pack is gzip.compress else ""
        (folder / f"{stem}{joint}idx{ending}{suffix}").write_bytes(pack(data))
    source = MnistDigits(dir=folder)
    assert np.array_equal(source.read("test").images, images(60))
    assert np.array_equal(source.read("test").labels, labels(60))
    held = np.arange(120) % 6 == 5
    assert np.array_equal(source.read("train").images, images(120)[~held])
    assert np.array_equal(source.read("validation").images, images(120)[held])


def broken(folder: Path, name: str, data: bytes) -> str:
    """Why a folder with this file is refused; the text must begin with the file's path."""
    for old in (folder / name.removesuffix(".gz"), folder / name):
        old.unlink(missing_ok=True)
    (folder / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        MnistDigits(dir=folder).read("train")
    text = str(caught.value)
    assert text.startswith(f"{folder / name}: ")
    return text.removeprefix(f"{folder / name}: ")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder; expected a folder with the four files of MNIST"):
        MnistDigits(dir=tmp_path / "nowhere").read("train")


def test_a_file_for_a_folder(folder: Path) -> None:
    with pytest.raises(DataError, match=f"{IMAGES}: not a folder; expected a folder with"):
        MnistDigits(dir=folder / IMAGES).read("train")


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=rf"{name}: no such file, nor {name}\.gz"):
        MnistDigits(dir=folder).read("train")
    assert len(MnistDigits(dir=folder).read("test").labels) == 60


def test_an_empty_file(folder: Path) -> None:
    assert broken(folder, IMAGES, b"") == "empty; expected an IDX file"


def test_a_file_that_is_not_idx(folder: Path) -> None:
    assert broken(folder, IMAGES, b"\x89PNG\r\n") == "not an IDX file: it starts with 89 50 4e 47, expected 00 00"


def test_a_packed_file_without_its_ending(folder: Path) -> None:
    assert broken(folder, IMAGES, gzip.compress(idx(images(120)))).startswith("not an IDX file: it starts with 1f 8b")


def test_a_header_cut_short(folder: Path) -> None:
    assert broken(folder, IMAGES, idx(images(120))[:10]) == "truncated: 10 bytes, too few for the header"


def test_pixels_cut_short(folder: Path) -> None:
    text = broken(folder, IMAGES, idx(images(120))[:-1])
    assert text == "truncated: 94095 bytes; its size of 120 x 28 x 28 needs 94096"


def test_too_many_bytes(folder: Path) -> None:
    text = broken(folder, LABELS, idx(labels(120)) + b"\0")
    assert text == "too long: 129 bytes; its size of 120 needs 128"


def test_images_of_another_size(folder: Path) -> None:
    text = broken(folder, IMAGES, idx(np.ones((120, 32, 32), np.uint8)))
    assert text == "its size is 120 x 32 x 32; expected any x 28 x 28"


def test_no_images(folder: Path) -> None:
    assert broken(folder, IMAGES, idx(images(0))) == "its size is 0 x 28 x 28; expected any x 28 x 28"


def test_labels_in_place_of_images(folder: Path) -> None:
    text = broken(folder, IMAGES, idx(labels(120)))
    assert text == "IDX file of type 0x08 with 1 dimensions; expected unsigned bytes (0x08) with 3"


def test_another_type_of_number(folder: Path) -> None:
    data = idx(images(120))
    assert broken(folder, IMAGES, data[:2] + b"\x0d" + data[3:]).startswith("IDX file of type 0x0d with 3 dimensions")


def test_labels_that_do_not_match_in_number(folder: Path) -> None:
    assert broken(folder, LABELS, idx(labels(119))) == f"119 labels for the 120 images of {IMAGES}"


def test_a_label_that_is_no_digit(folder: Path) -> None:
    wrong = labels(120)
    wrong[7] = 11
    assert broken(folder, LABELS, idx(wrong)) == "label 11 at place 7; expected 0 to 9"


def test_a_class_that_is_missing(folder: Path) -> None:
    few = np.where(labels(120) == 4, 3, labels(120))
    assert broken(folder, LABELS, idx(few)) == "no 4 among the digits for train; every class is needed"


def test_a_blank_image(folder: Path) -> None:
    wrong = images(120)
    wrong[9] = 0
    assert broken(folder, IMAGES, idx(wrong)) == "image 9 is blank"


def test_gzip_cut_short(folder: Path) -> None:
    text = broken(folder, IMAGES + ".gz", gzip.compress(idx(images(120)))[:-20])
    assert text == "truncated: the gzip stream ends too soon"


def test_gzip_with_a_flipped_bit(folder: Path) -> None:
    data = bytearray(gzip.compress(idx(images(120))))
    data[len(data) // 2] ^= 4
    assert broken(folder, IMAGES + ".gz", bytes(data)).startswith("corrupt gzip file: ")


def test_gz_that_is_not_gzip(folder: Path) -> None:
    assert broken(folder, IMAGES + ".gz", idx(images(120))).startswith("corrupt gzip file: Not a gzipped file")


def test_a_packed_bomb(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gnm_data.digits.idx._LIMIT", 1_000_000)
    text = broken(folder, IMAGES + ".gz", gzip.compress(bytes(2_000_000)))
    assert text == "holds more than 1,000,000 bytes; expected an MNIST file"


def test_a_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("gnm_data.digits.idx.open_file", refuse)
    with pytest.raises(DataError, match=f"{IMAGES}: cannot be read: Permission denied"):
        MnistDigits(dir=folder).read("train")


def test_scenes_can_be_made_from_any_folder_of_that_form(folder: Path) -> None:
    batch = Mnist4(Dims(size=64), digits=MnistDigits(dir=folder)).batch([0, 1])
    assert batch.image.shape == (2, 1, 64, 64)
