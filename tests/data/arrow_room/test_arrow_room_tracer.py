"""Pictures of the ray tracer: pure, of any size, well exposed, and what their scene says."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from gnm_data.arrow_room import layout, tracer
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.room import Body, Room
from gnm_data.arrow_room.tracer import Tracer, srgb
from gnm_data.arrow_room.truth import look

ROOMS = [layout.sample(5, "test", index) for index in range(2, 6)]
PICTURES = Tracer().paint(ROOMS, 64)
SMALL = Tracer().paint(ROOMS[:2], 12)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a / 255.0 - b / 255.0) ** 2)))


def test_a_picture_does_not_depend_on_its_batch() -> None:
    assert {room.material for room in ROOMS} == {"rubber", "metal"}
    assert all((Tracer().paint([room], 64)[0] == picture).all() for room, picture in zip(ROOMS, PICTURES, strict=True))
    assert (Tracer().paint(ROOMS[::-1], 64) == PICTURES[::-1]).all()


def test_a_picture_does_not_depend_on_process_and_threads() -> None:
    program = (
        "import hashlib\n"
        "from gnm_data.arrow_room import layout\n"
        "from gnm_data.arrow_room.tracer import Tracer\n"
        "rooms = [layout.sample(5, 'test', index) for index in range(2, 6)]\n"
        "print(hashlib.sha256(Tracer().paint(rooms, 64).tobytes()).hexdigest())\n"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, "3")
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(PICTURES.tobytes()).hexdigest()


@pytest.mark.parametrize("size", [8, 33, 100])
def test_any_size_is_painted(size: int) -> None:
    picture = Tracer().paint(ROOMS[:1], size)
    assert picture.shape == (1, size, size, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("chunk", [1, 50])
def test_rays_may_be_followed_in_any_bundles(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(tracer, "CHUNK", chunk)
    assert (Tracer().paint_in_numpy(ROOMS[:2], 12) == SMALL).all()


def test_no_rooms_make_no_pictures() -> None:
    assert Tracer().paint([], 64).shape == (0, 64, 64, 3)


def test_a_large_picture_shrunk_is_the_small_one() -> None:
    large = Tracer().paint(ROOMS, 128) / 255.0
    light = np.where(large <= 0.04045, large / 12.92, ((large + 0.055) / 1.055) ** 2.4)
    shrunk = srgb(light.reshape(4, 64, 2, 64, 2, 3).mean((2, 4))) * 255
    assert psnr(shrunk, PICTURES) > 38


def test_few_rays_come_close_to_many() -> None:
    assert psnr(PICTURES, Tracer(antialias=10, shadow=4).paint(ROOMS, 64)) > 42


def test_pictures_are_neither_dark_nor_burnt_out() -> None:
    assert (PICTURES.mean((1, 2, 3)) > 110).all()
    assert (PICTURES.mean((1, 2, 3)) < 180).all()
    assert (PICTURES == 255).mean() < 0.005
    assert (PICTURES < 20).mean() < 0.02


def test_the_room_is_grey_and_bodies_have_their_colours() -> None:
    hues = {"red": 0, "green": 1, "blue": 2}
    for colour, channel in hues.items():
        room = Room((Body("sphere", colour, 0.0, 0.0),))
        picture = Tracer().paint([room], 64)[0].astype(int)
        body = look(room, 64).instances > 0
        assert picture[body].mean(0).argmax() == channel
        assert np.ptp(picture[:8], axis=2).max() < 8


def test_a_body_throws_its_shadow_away_from_the_key_lamp() -> None:
    room = Room((Body("cylinder", "gray", 0.0, 0.0),))
    empty, picture = Tracer().paint([Room(()), room], 96).astype(int).mean(-1)
    body = look(room, 96).instances > 0
    lost = np.where(body, 0, empty - picture)

    def at(x: float, y: float) -> float:
        u, v = STUDIO.camera.project(np.array([[x], [y], [0.0]]), 96)
        return float(lost[int(v[0]), int(u[0])])

    # The key lamp stands at the right, in front.
    assert at(-1.0, 0.9) > at(1.0, -0.9) + 10
    assert at(3.0, 0.0) < 5
    assert lost.min() > -12  # light thrown back by the body


def test_metal_shines_brighter_than_rubber_and_mirrors_its_neighbours() -> None:
    def pair(colour: str, material: str) -> Room:
        return Room((Body("sphere", "gray", 0.0, 0.0), Body("sphere", colour, 1.5, -0.6)), material)

    def of_first(room: Room) -> np.ndarray:
        return Tracer().paint([room], 96)[0][look(room, 96).instances == 1].astype(int)

    metal, rubber = (of_first(pair("gray", material)) for material in ("metal", "rubber"))
    assert metal.max() == 255
    assert rubber.max() < 200
    reddened, greened = (of_first(pair(colour, "metal")) for colour in ("red", "green"))
    assert np.abs(reddened - greened).max() > 30


def test_srgb_is_the_standard_curve() -> None:
    light = np.array([-1, 0, 0.0031308, 0.214041, 1, 20])
    assert np.allclose(srgb(light), [0, 0, 0.04045, 0.5, 1, 1], atol=1e-4)
