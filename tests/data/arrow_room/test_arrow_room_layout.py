"""Every Arrow Room scene obeys the rule and is a pure function of seed, split and index."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.room import COLOURS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.shapes import place
from gnm_data.arrow_room.truth import look

LAMPS, SIZES = STUDIO.light.lamps, STUDIO.sizes
ROOMS = [layout.sample(0, "train", index) for index in range(150)]


def first_met(room: Room) -> int | None:
    """The object that a ray from within the arrow along its direction really meets first, low over the floor."""
    *objects, arrow = room.bodies
    origin = np.array([[arrow.x], [arrow.y], [0.3]], np.float32)
    direction = np.array([[np.cos(arrow.angle)], [np.sin(arrow.angle)], [0]], np.float32)
    distances = [min(part.hit(origin, direction)[0] for part in place(body, SIZES)) for body in objects]
    return int(np.argmin(distances)) if np.isfinite(min(distances)) else None


def test_exactly_two_of_three_objects_share_a_shape_and_the_arrow_points_at_the_third() -> None:
    for room in ROOMS:
        *objects, arrow = room.bodies
        assert arrow.shape == "arrow"
        shapes = Counter(body.shape for body in objects)
        assert sorted(shapes.values()) == [1, 2]
        assert shapes[objects[room.target].shape] == 1


def test_the_ray_along_the_arrow_meets_its_target_first() -> None:
    assert all(first_met(room) == room.target for room in ROOMS)


def test_the_arrow_lies_in_front_of_the_objects() -> None:
    for room in ROOMS:
        *objects, arrow = room.bodies
        assert all(arrow.y < body.y for body in objects)


def test_bodies_keep_apart() -> None:
    for room in ROOMS:
        *objects, arrow = room.bodies
        for i, a in enumerate(objects):
            assert np.hypot(a.x - arrow.x, a.y - arrow.y) > 1.9
            assert all(np.hypot(a.x - b.x, a.y - b.y) > 1.7 for b in objects[:i])


def test_at_least_half_of_every_object_can_be_seen_at_full_size() -> None:
    for room in ROOMS:
        visibility = look(room, 128)
        # Counted at 64 px when the scene was drawn, hence the margin.
        assert (visibility.visible_area / visibility.area).min() > 0.47


def test_everything_that_may_vary_does() -> None:
    assert {room.material for room in ROOMS} == set(MATERIALS)
    assert {room.target for room in ROOMS} == {0, 1, 2}
    assert {body.colour for room in ROOMS for body in room.bodies} == set(COLOURS)
    kinds = {(room.bodies[room.target].shape, room.bodies[(room.target + 1) % 3].shape) for room in ROOMS}
    assert kinds == {(a, b) for a in SHAPES[:3] for b in SHAPES[:3] if a != b}


def test_lamps_stay_within_their_jitter_and_only_the_key_gains_power() -> None:
    for room in ROOMS:
        for lamp, usual in zip(room.lamps, LAMPS, strict=True):
            assert np.abs(np.subtract(lamp.position, usual.position)).max() <= 0.5
        assert LAMPS[0].power <= room.lamps[0].power <= 1.1 * LAMPS[0].power
        assert [lamp.power for lamp in room.lamps[1:]] == [lamp.power for lamp in LAMPS[1:]]


def test_a_scene_depends_on_seed_split_and_index_alone() -> None:
    again = [layout.sample(0, "train", index) for index in reversed(range(10))]
    assert again[::-1] == ROOMS[:10]
    others = [layout.sample(1, "train", 0), layout.sample(0, "test", 0), layout.sample(0, "validation", 0), *ROOMS]
    assert len(set(others)) == len(others)


def room(*bodies: Body, target: int = 0) -> Room:
    return Room(bodies, target=target)


def test_an_object_in_the_arrows_way_is_noticed() -> None:
    arrow = Body("arrow", "red", 0.0, -2.5, np.pi / 2)
    target, blocker = Body("cube", "red", 0.0, 3.0), Body("sphere", "red", 0.3, 0.5)
    aside = replace(blocker, x=2.0)
    assert layout.pointed_at(room(target, blocker, aside, arrow)) == 1
    assert layout.pointed_at(room(target, aside, aside, arrow)) == 0
    assert layout.pointed_at(room(aside, aside, aside, arrow)) is None


def test_clearance_widens_what_counts_as_in_the_way() -> None:
    arrow = Body("arrow", "red", 0.0, -2.5, np.pi / 2)
    target, near = Body("cube", "red", 0.0, 3.0), Body("sphere", "red", 0.7, 0.5)
    assert layout.pointed_at(room(target, near, arrow)) == 0
    assert layout.pointed_at(room(target, near, arrow), clearance=0.1) == 1


def test_a_hidden_object_is_not_recognisable() -> None:
    front, behind = Body("cylinder", "red", 0.0, 0.0), Body("sphere", "red", 0.0, 0.8)
    arrow = Body("arrow", "red", 2.0, -2.0, np.pi / 2)
    assert not layout.recognisable(room(front, behind, arrow))
    assert layout.recognisable(room(front, replace(behind, x=1.8), arrow))


def test_crowded_bodies_are_noticed() -> None:
    a, b, arrow = Body("cube", "red", -1.0, 1.0), Body("cube", "red", 1.0, 1.0), Body("arrow", "red", 0.0, -2.0)
    assert layout.spaced(room(a, b, arrow))
    assert not layout.spaced(room(a, replace(b, x=0.6), arrow))
    assert not layout.spaced(room(a, b, replace(arrow, y=-0.6)))


def test_running_out_of_attempts_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "spaced", lambda room: False)
    monkeypatch.setattr(layout, "ATTEMPTS", 3)
    with pytest.raises(RuntimeError, match="no scene in 3 attempts: seed 0, split train, index 5"):
        layout.sample(0, "train", 5)
