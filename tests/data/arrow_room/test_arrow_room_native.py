"""Compiled, the tracer and the ground truth give numpy's bytes, with vectors of any width, on any number of threads."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.native.call import ROOMS
from gnm_data.arrow_room.room import Body, Room
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.arrow_room.truth import look, look_at
from gnm_data.arrow_room.visibility import look_in_numpy

pytestmark = pytest.mark.skipif(not ROOMS.can_take(), reason="there is no compiler here")

_USUAL = [layout.sample(11, "train", index) for index in range(6)]
_ODD = [
    Room(()),
    Room(
        (Body("cube", "cyan", 3.3, 0.0, 0.4), Body("sphere", "red", 3.9, -2.0), Body("arrow", "gray", -3.0, -3.0, 2.0))
    ),
    Room((Body("cylinder", "yellow", 0.0, 0.0), Body("cube", "blue", 0.6, 0.2, 1.0)), "metal"),
    Room((Body("sphere", "brown", 30.0, 0.0), Body("arrow", "green", 0.0, -1.0, 0.0)), "metal"),
]
ROOMS_OF_ALL_KINDS = _USUAL + _ODD
PROGRAM = """
import hashlib
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.native.call import ROOMS
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.arrow_room.truth import truth
rooms = [layout.sample(11, "train", index) for index in range(6)]
seen = truth(rooms, 48)
parts = (Tracer().paint(rooms, 48), seen.instances.numpy(), seen.boxes.numpy(), seen.visible_boxes.numpy())
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest(), ROOMS.number("lane_count"))
"""


@pytest.mark.parametrize(("size", "antialias", "shadow"), [(48, 3, 4), (33, 2, 1), (7, 1, 3)])
def test_pictures_are_numpys_to_the_last_byte(size: int, antialias: int, shadow: int) -> None:
    painter = Tracer(antialias=antialias, shadow=shadow)
    compiled = painter.paint(ROOMS_OF_ALL_KINDS, size)
    assert (compiled == painter.paint_in_numpy(ROOMS_OF_ALL_KINDS, size)).all()
    swapped = [replace(room, material="metal" if room.material == "rubber" else "rubber") for room in _USUAL[:2]]
    assert (painter.paint(swapped, size) == painter.paint_in_numpy(swapped, size)).all()


@pytest.mark.parametrize("size", [1, 48, 100])
def test_what_is_seen_is_what_numpy_sees(size: int) -> None:
    for room, seen in zip(ROOMS_OF_ALL_KINDS, look_at(ROOMS_OF_ALL_KINDS, size), strict=True):
        formula = look_in_numpy(room, size)
        for name, value in vars(formula).items():
            found = getattr(seen, name)
            assert found.dtype == value.dtype, name
            assert found.shape == value.shape, name
            assert (found == value).all(), name
        assert (look(room, size).instances == formula.instances).all()


def test_threads_change_nothing() -> None:
    one = Tracer().paint(ROOMS_OF_ALL_KINDS, 48), look_at(ROOMS_OF_ALL_KINDS, 48)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        three = Tracer().paint(ROOMS_OF_ALL_KINDS, 48), look_at(ROOMS_OF_ALL_KINDS, 48)
    finally:
        torch.set_num_threads(before)
    assert (one[0] == three[0]).all()
    assert all((a.distance == b.distance).all() for a, b in zip(one[1], three[1], strict=True))


def test_vectors_of_any_width_give_the_same_bytes() -> None:
    """Those of this processor, and of one without some or all of its vector instructions."""

    def run(**environment: str) -> tuple[str, str]:
        whole = os.environ | environment
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=whole, capture_output=True, text=True, check=True)
        found, lanes = done.stdout.split()
        return found, lanes

    own = run()
    compiler = os.environ.get("CC", "gcc")
    narrow = [run(CC=f"{compiler} -mno-avx512f"), run(CC=f"{compiler} -mno-avx")] if _is_x86() else []
    assert {found for found, _ in narrow} <= {own[0]}
    assert all(lanes == "8" for _, lanes in narrow)


def _is_x86() -> bool:
    return os.uname().machine == "x86_64"


def test_without_a_compiler_numpy_paints_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Tracer().paint(_USUAL[:1], 24)
    monkeypatch.setattr(type(ROOMS), "can_take", lambda self, *tensors: False)
    monkeypatch.setattr(type(ROOMS), "call", None)
    assert (Tracer().paint(_USUAL[:1], 24) == compiled).all()
    assert np.array_equal(look(_USUAL[0], 24).instances, look_in_numpy(_USUAL[0], 24).instances)
