"""Pictures as people have them: other programs' files among them, odd bits, broken ones; and nothing outside runs."""

import os
import struct
import subprocess
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gnm_core import DataError, Dims
from gnm_core.parts.data.folder import pictures_under, survey
from gnm_core.parts.data.image_folder import ImageFolder
from gnm_core.parts.data.picture import read_picture
from PIL import Image

ROOT = Path(__file__).parents[2]
GREY = Dims(size=16)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%EndComments\nshowpage\n%%EOF\n"


def png(width: int, depth: int, colour: int, values: list[int], transparent: list[int], *chunks: bytes) -> bytes:
    """A PNG of two equal rows, bit by bit."""
    size = struct.pack(">IIBBBBB", width, 2, depth, colour, 0, 0, 0)
    bits = "".join(f"{value:0{depth}b}" for value in values)
    row = b"\0" + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    key = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent))
    parts = [chunk(b"IHDR", size), key, *chunks, chunk(b"IDAT", zlib.compress(row * 2)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def noise(path: Path, size: tuple[int, int] = (20, 20)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 80).save(path)
    return path


def folder(path: Path, **options: object) -> ImageFolder:
    return ImageFolder(GREY, dir=path, validation=0, test=0, **options)  # type: ignore[arg-type]


# Formats


@pytest.mark.parametrize(
    "content", [POSTSCRIPT, b"\xc5\xd0\xd3\xc6" + bytes(26) + POSTSCRIPT, b"%PDF-1.4\n", b"8BPS\0\1", b"<svg/>"]
)
def test_other_formats_are_refused_and_start_no_program(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*arguments: object, **options: object) -> None:
        pytest.fail(f"a program is started: {arguments}")

    for name in ("Popen", "run", "check_call", "check_output", "call"):
        monkeypatch.setattr(subprocess, name, started)
    monkeypatch.setattr(os, "system", started)
    (tmp_path / "evil.png").write_bytes(content)
    with pytest.raises(DataError, match=r"evil\.png: not a picture that can be read"):
        read_picture(tmp_path / "evil.png", GREY)


def test_every_place_that_opens_a_picture_says_which_formats_it_means() -> None:
    sources = [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/**/*.py")]
    calls = [(path.name, line) for path in sources for line in path.read_text().splitlines() if "Image.open(" in line]
    assert len(calls) >= 3
    assert [call for call in calls if "formats=" not in call[1]] == []


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "pbm", "pnm"])
def test_rarer_endings_of_the_same_formats_are_read(suffix: str, tmp_path: Path) -> None:
    kind = "JPEG" if suffix in ("jfif", "jpe") else "PPM"
    noise(tmp_path / "a.png")
    Image.open(tmp_path / "a.png").save(tmp_path / f"b.{suffix}", kind)
    assert pictures_under(tmp_path) == ["a.png", f"b.{suffix}"]
    read_picture(tmp_path / f"b.{suffix}", GREY)


# What is not a file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_under_a_pictures_name_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png: .*a pipe, where a file is expected"):
        read_picture(tmp_path / "pipe.png", GREY)


# Folders


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("a.png", "b/c.png", ".hidden.png", "b/.ipynb_checkpoints/c.png", ".git/d.png", "__MACOSX/b/c.png"):
        noise(tmp_path / name)
    (tmp_path / "b/._c.png").write_bytes(b"\0\5\x16\7 a Mac's own notes")
    assert pictures_under(tmp_path) == ["a.png", "b/c.png"]
    read_picture(tmp_path / ".hidden.png", GREY)  # named outright
    assert pictures_under(tmp_path / ".git") == ["d.png"]


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    noise(tmp_path / "elsewhere/x.png")
    noise(tmp_path / "pictures/z/a.png")
    root = tmp_path / "pictures"
    (root / "loop").symlink_to(root)
    (root / "z" / "up").symlink_to("..")
    (root / "b").symlink_to(root / "z")  # its own place comes first, whatever the alphabet says
    (root / "far").symlink_to(tmp_path / "elsewhere")
    (root / "far2").symlink_to(tmp_path / "elsewhere")
    assert pictures_under(root) == ["far/x.png", "z/a.png"]
    (tmp_path / "link").symlink_to(root)
    assert pictures_under(tmp_path / "link") == ["far/x.png", "z/a.png"]


def test_what_is_not_read_is_told_by_its_ending(tmp_path: Path) -> None:
    for name in ("a.png", "b.avif", "c.AVIF", "d.heic", "README", ".DS_Store"):
        (tmp_path / name).touch()
    noise(tmp_path / "a.png")
    assert survey(tmp_path).passed_over == {".avif": 2, ".heic": 1, "": 1}
    (note,) = folder(tmp_path).notes()
    assert note.startswith(f"{tmp_path}: not read: 2 .avif, 1 without an ending, 1 .heic (read are .bmp, ")
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"no pictures in this folder .*; there is 2 \.avif"):
        survey(tmp_path)


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    noise(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/\xff.png")
    assert folder(tmp_path).batch([0]).image.shape == (1, 1, 16, 16)


# Broken pictures


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    for i in range(30):
        noise(tmp_path / f"{i:02}.png")
    (tmp_path / "07.png").write_bytes((tmp_path / "07.png").read_bytes()[:200])
    (tmp_path / "11.png").write_bytes(b"")
    return tmp_path


def test_one_broken_picture_stops_unless_told_otherwise(mixed: Path) -> None:
    with pytest.raises(DataError, match=r"07\.png: not a picture"):
        folder(mixed).batch(range(30))


def test_broken_pictures_can_be_skipped_counted_and_named(mixed: Path) -> None:
    data = folder(mixed, on_broken="skip", most_broken=0.1)
    assert len(data) == 28
    assert data.batch(range(28)).image.shape[0] == 28
    (note,) = data.notes()
    assert "2 of 30 pictures of the train split skipped:" in note
    assert "07.png: not a picture" in note
    assert "11.png: the file is empty" in note
    sound = [path.name for path in data.files]
    assert sound == sorted({f"{i:02}.png" for i in range(30)} - {"07.png", "11.png"})


def test_at_most_a_share_is_skipped_and_all_are_named(mixed: Path) -> None:
    with pytest.raises(DataError, match=r"2 of 30 pictures .* more than most_broken = 0\.05") as caught:
        len(folder(mixed, on_broken="skip"))
    assert "07.png" in str(caught.value)
    assert "11.png" in str(caught.value)


def test_a_split_keeps_every_option(tmp_path: Path) -> None:
    data = ImageFolder(
        GREY, dir=tmp_path, fit="pad", validation=0.2, test=0.3, white=4095, max_pixels=7, on_broken="skip",
        most_broken=0.25, cache=3,
    )  # fmt: skip
    ours, theirs = (vars(one) for one in (data, data.at("test")))
    assert {name for name in ours if ours[name] != theirs[name]} == {"split"}


# Headers


def test_a_camera_with_one_odd_tag_turns_the_picture_all_the_same(tmp_path: Path) -> None:
    picture = Image.fromarray(np.tile(np.arange(40, dtype=np.uint8), (20, 1)))
    odd = b"II*\0\x08\0\0\0\2\0" + struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<HHII", 0x829A, 5, 1, 0)
    odd += struct.pack("<HHII", 0x9999, 77, 1, 0)
    picture.save(tmp_path / "odd.jpg", exif=b"Exif\0\0" + odd)
    seen = read_picture(tmp_path / "odd.jpg", GREY)
    assert (seen.width, seen.height) == (20, 40)
    picture.save(tmp_path / "torn.jpg", exif=b"Exif\0\0no TIFF at all")
    assert read_picture(tmp_path / "torn.jpg", GREY).width == 40


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_is_turned_alike(suffix: str, orientation: int, tmp_path: Path) -> None:
    pixels = np.zeros((20, 30), np.uint8)
    pixels[:6, :9] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / f"x.{suffix}", exif=exif, quality=99)
    turns = {1: 0, 2: None, 3: 2, 4: None, 5: None, 6: 3, 7: None, 8: 1}
    flips = {2: (1, 0), 4: (0, 0), 5: (0, 3), 7: (0, 1)}
    turn = turns[orientation]
    upright = (
        np.rot90(pixels, turn)
        if turn is not None
        else np.rot90(np.flip(pixels, flips[orientation][0]), flips[orientation][1])
    )
    Image.fromarray(np.ascontiguousarray(upright)).save(tmp_path / "upright.png")
    expected = read_picture(tmp_path / "upright.png", GREY, fit="pad")
    found = read_picture(tmp_path / f"x.{suffix}", GREY, fit="pad")
    assert (found.width, found.height, found.frame) == (expected.width, expected.height, expected.frame)
    assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= (0 if suffix != "jpg" else 20)


def test_a_png_with_megabytes_of_text_or_colour_profile_is_read(tmp_path: Path) -> None:
    long = zlib.compress(b"x" * 2_000_000)
    texts = [chunk(b"zTXt", b"Comment\0\0" + long), chunk(b"iTXt", b"Comment\0\1\0\0\0" + long)]
    texts += [chunk(b"iCCP", b"profile\0\0" + long), chunk(b"tEXt", b"Comment\0" + b"x" * 2_000_000)]
    (tmp_path / "talkative.png").write_bytes(png(4, 8, 0, [0, 80, 160, 255], [7], *texts))
    assert read_picture(tmp_path / "talkative.png", Dims(size=4), fit="stretch").pixels[0, 0].tolist() == [
        0,
        80,
        160,
        255,
    ]


def test_max_pixels_holds_above_pillows_own_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    noise(tmp_path / "a.png", (20, 20))
    noise(tmp_path / "a.tif", (20, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("a.png", "a.tif"):
            assert read_picture(tmp_path / name, GREY, max_pixels=400).width == 20
            with pytest.raises(DataError, match="more than max_pixels = 399"):
                read_picture(tmp_path / name, GREY, max_pixels=399)
    assert Image.MAX_IMAGE_PIXELS == 50


# Depth


@pytest.mark.parametrize(
    ("depth", "colour", "values", "transparent", "expected"),
    [
        (16, 0, [0, 40_000, 65_535, 257], [40_000], [0, 0, 255, 1]),
        (8, 0, [0, 100, 255, 7], [100], [0, 0, 255, 7]),
        (4, 0, [0, 5, 15, 1], [5], [0, 0, 255, 17]),
        (2, 0, [0, 1, 3, 2], [1], [0, 0, 255, 170]),
        (1, 0, [0, 1, 1, 0], [1], [0, 0, 0, 0]),
        (16, 2, [0, 0, 0, *(3 * [40_000]), *(3 * [65_535]), *(3 * [257])], 3 * [40_000], [0, 0, 255, 1]),
        (8, 2, [0, 0, 0, *(3 * [100]), *(3 * [255]), *(3 * [7])], 3 * [100], [0, 0, 255, 7]),
    ],
)
def test_the_transparent_value_is_black_at_every_depth(
    depth: int, colour: int, values: list[int], transparent: list[int], expected: list[int], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(png(4, depth, colour, values, transparent))
    assert read_picture(tmp_path / "a.png", Dims(size=4), fit="stretch").pixels[0, 0].tolist() == expected


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_twelve_bits_in_sixteen_have_a_white_of_their_own(suffix: str, tmp_path: Path) -> None:
    deep = np.array([[0, 2048, 4095, 16]] * 4, np.uint16)
    Image.fromarray(deep).save(tmp_path / f"a.{suffix}")
    dark, right = (folder(tmp_path, fit="stretch", white=white) for white in (None, 4095))
    small = Dims(size=4)
    path = tmp_path / f"a.{suffix}"
    assert read_picture(path, small, white=4095).pixels[0, 0].tolist() == [0, 128, 255, 1]
    assert read_picture(path, small).pixels[0, 0].tolist() == [0, 8, 16, 0]
    assert "if they hold 12 bits, say data.white=4095" in dark.notes()[0]
    assert right.notes() == ()
    with pytest.raises(DataError, match="pixels from 0 to 4095; expected 0 to white = 4000"):
        read_picture(path, small, white=4000)


def test_where_pillow_would_start_ghostscript_a_training_does_not(tmp_path: Path, gnm: Callable[..., object]) -> None:
    noise(tmp_path / "pictures/a.png")
    (tmp_path / "pictures/evil.png").write_bytes(POSTSCRIPT)
    mark = tmp_path / "started"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    (tmp_path / "gs").chmod(0o755)
    result = gnm("judge", tmp_path / "pictures", "--rule", "mnist-4", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.returncode == 2  # type: ignore[attr-defined]
    assert "evil.png: not a picture" in result.stderr  # type: ignore[attr-defined]
    assert not mark.exists()
