"""`gnm start --example` takes the size of objects from red frames that somebody has drawn."""

import os
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from gnm_core.cli import main
from PIL import Image, ImageDraw

RED = (255, 0, 0)
AT_ITS_TERMINAL = """
import fcntl, signal, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # from here on Ctrl-C typed there reaches it
from gnm_core.cli import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for i in range(3):
        grain(i).save(made / f"{i}.png")
    return made


def grain(seed: int, width: int = 96, height: int = 64) -> Image.Image:
    """A picture with a little of every colour but pure red, and a filled red square."""
    pixels = np.random.default_rng(seed).integers(50, 220, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).rectangle((70, 40, 80, 50), fill=RED)
    return image


def framed(path: Path, *boxes: tuple[int, int, int, int], thick: int = 1, scale: int = 1) -> Path:
    """A copy with frames whose insides are these (x0, y0, x1, y1), the ends not included."""
    image = grain(0).resize((96 * scale, 64 * scale), Image.Resampling.NEAREST)
    for x0, y0, x1, y1 in boxes:
        ImageDraw.Draw(image).rectangle((x0 - thick, y0 - thick, x1 + thick - 1, y1 + thick - 1), None, RED, thick)
    image.save(path)
    return path


def started(folder: Path, example: Path, *more: str) -> Result:
    out = str(folder.parent / "my.yaml")
    return CliRunner().invoke(
        main, ["start", str(folder), "--out", out, "--no-timing", "--example", str(example), *more]
    )


@pytest.mark.parametrize("thick", [1, 2, 5])
def test_a_frame_says_the_size_by_its_inside(thick: int, folder: Path) -> None:
    done = started(folder, framed(folder.parent / "drawn.png", (20, 20, 38, 28), thick=thick))
    assert done.exit_code == 0, done.output
    assert "object size: 12 px: drawn in drawn.png, 18 x 8 px" in done.output
    assert "An object is some 12 px of a picture: drawn in drawn.png" in (folder.parent / "my.yaml").read_text()


def test_of_several_frames_the_median_counts(folder: Path) -> None:
    boxes = (10, 10, 18, 18), (30, 10, 40, 20), (30, 30, 50, 50)
    done = started(folder, framed(folder.parent / "drawn.png", *boxes))
    assert "object size: 10 px: drawn in drawn.png, the median of 3 frames" in done.output


def test_any_closed_line_is_a_frame(folder: Path) -> None:
    image = grain(0)
    ImageDraw.Draw(image).ellipse((20, 20, 35, 35), None, RED)
    image.save(folder.parent / "drawn.png")
    assert "object size: 14 px" in started(folder, folder.parent / "drawn.png").output


def test_a_copy_of_another_size_counts_by_its_share(folder: Path) -> None:
    done = started(folder, framed(folder.parent / "drawn.png", (80, 80, 128, 128), scale=4))
    assert "object size: 12 px: drawn in drawn.png, 48 x 48 px" in done.output


def test_a_frame_along_the_edge_is_closed_and_one_beyond_it_is_not(folder: Path) -> None:
    drawn = folder.parent / "drawn.png"
    assert "object size: 12 px" in started(folder, framed(drawn, (1, 1, 13, 13))).output
    beyond = started(folder, framed(drawn, (0, 20, 12, 32)), "--force")
    assert beyond.exit_code == 2
    assert "no closed red frame" in beyond.output
    assert "at the picture's edge too" in beyond.output


def test_what_says_no_size_ends_with_2_and_writes_nothing(folder: Path) -> None:
    drawn = folder.parent / "drawn.png"
    assert "no closed red frame" in refused(folder, framed(drawn))  # the filled square is no frame
    grain(0, 64, 64).save(drawn)
    assert "64 x 64 px, and the pictures are 96 x 64: draw the frame into a copy" in refused(folder, drawn)
    drawn.write_bytes(b"no picture")
    assert "not a picture that can be read" in refused(folder, drawn)
    assert "there is no such file" in refused(folder, folder.parent / "none.png")
    assert "lies among the pictures" in refused(folder, framed(folder / "drawn.png", (20, 20, 32, 32)))
    both = started(folder, framed(drawn, (20, 20, 32, 32)), "--object-size", "12")
    assert both.exit_code == 2
    assert "give one of them" in both.output


def refused(folder: Path, example: Path) -> str:
    done = started(folder, example)
    assert done.exit_code == 2, done.output
    assert not (folder.parent / "my.yaml").exists()
    return done.output


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (b"12\n", 0, "object size: 12 px: said by you"),
        (b"\n", 0, "object size: 14 px: a guess"),
        (b"twelve\nnan\n99\n12\n", 0, "'twelve' is no number"),
        (b"\x03", 130, "aborted"),
        (b"\x04", 130, "aborted"),
    ],
)
def test_at_a_terminal_it_asks(typed: bytes, code: int, said: str, folder: Path) -> None:
    pty = pytest.importorskip("pty")
    main_end, terminal = pty.openpty()
    given = ["start", str(folder), "--no-timing", "--out", str(folder.parent / "my.yaml")]
    process = subprocess.Popen(
        [sys.executable, "-c", AT_ITS_TERMINAL, *given],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown, answers, keys = b"", typed.splitlines(keepends=True), typed in (b"\x03", b"\x04")
    while True:
        # A key pressed in the instant before the program listens is lost to it: one presses it again.
        while keys and not answers and not select.select([main_end], [], [], 20)[0]:
            os.write(main_end, typed)
        try:
            new = os.read(main_end, 4096)
        except OSError:  # the other end is closed
            break
        shown += new
        if shown.endswith(b"]: ") and answers:
            os.write(main_end, answers.pop(0))
    text = shown.decode()
    assert (process.wait(60), said in text) == (code, True), text
    assert "Usual side of an object, in pixels of the pictures" in text
    assert (folder.parent / "my.yaml").exists() == (code == 0)
