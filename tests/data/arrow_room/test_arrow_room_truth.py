"""Ground truth of the Arrow Room against geometry, and against itself."""

from itertools import permutations

import numpy as np
import pytest
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.room import COLOURS, MATERIALS, SHAPES, Body, Room
from gnm_data.arrow_room.truth import depth, look, truth

CAMERA, RADIUS = STUDIO.camera, STUDIO.sizes.sphere
ROOMS = [layout.sample(3, "validation", index) for index in range(20)]


def sphere_box(x: float, y: float, size: int) -> np.ndarray:
    """Where planes through the camera touch a sphere on the floor: its exact box in pixels."""
    pitch = np.radians(CAMERA.pitch)
    right, up, forward = x, 0.0, 0.0
    offset = np.array([x, y, RADIUS]) - CAMERA.position
    up = offset[1] * np.sin(pitch) + offset[2] * np.cos(pitch)
    forward = offset[1] * np.cos(pitch) - offset[2] * np.sin(pitch)
    box = []
    for side in (-1, 1):
        for place in (right, -up):
            middle, half = np.arctan2(place, forward), np.arcsin(RADIUS / np.hypot(place, forward))
            box.append(size / 2 + CAMERA.focal * size * np.tan(middle + side * half))
    return np.array(box)


@pytest.mark.parametrize("size", [64, 128, 200])
def test_the_box_of_a_sphere_is_where_its_tangent_planes_are(size: int) -> None:
    for x, y in [(0.0, 0.0), (-2.5, 1.0), (2.0, 3.4), (1.0, -2.0)]:
        visibility = look(Room((Body("sphere", "red", x, y),)), size)
        assert np.abs(visibility.boxes[0] - sphere_box(x, y, size)).max() <= 1
        assert (visibility.boxes == visibility.visible_boxes).all()
        assert visibility.area == visibility.visible_area == (visibility.instances == 1).sum()


def test_the_box_of_a_body_that_the_frame_cuts_reaches_beyond_it() -> None:
    visibility = look(Room((Body("sphere", "red", 4.0, 0.0),)), 128)
    assert np.abs(visibility.boxes[0] - sphere_box(4.0, 0.0, 128)).max() <= 1
    assert visibility.boxes[0, 2] > 128
    assert visibility.visible_boxes[0, 2] == 128
    assert 0 < visibility.visible_area < visibility.area


def test_a_body_out_of_sight_has_no_pixels() -> None:
    visibility = look(Room((Body("sphere", "red", 30.0, 0.0), Body("cube", "red", 0.0, 0.0))), 64)
    assert visibility.visible_area[0] == 0
    assert (visibility.visible_boxes[0] == 0).all()
    assert visibility.visible_area[1] > 0


def test_visible_boxes_fit_the_pixels_and_lie_inside_the_amodal_ones() -> None:
    for room in ROOMS:
        visibility = look(room, 96)
        for i in range(4):
            rows, columns = np.nonzero(visibility.instances == i + 1)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (visibility.visible_boxes[i] == box).all()
            assert (visibility.visible_boxes[i, :2] >= visibility.boxes[i, :2]).all()
            assert (visibility.visible_boxes[i, 2:] <= visibility.boxes[i, 2:]).all()


def test_the_nearest_body_is_in_front_whatever_the_order() -> None:
    for room in ROOMS[:10]:
        alone = [look(Room((body,)), 64).distance for body in room.bodies]
        visibility = look(room, 64)
        assert (visibility.distance == np.minimum.reduce(alone)).all()
        nearest = np.where(np.isfinite(visibility.distance), np.argmin(alone, axis=0) + 1, 0)
        assert (visibility.instances == nearest).all()


def test_the_order_of_bodies_only_renames_instances() -> None:
    room = ROOMS[0]
    first = look(room, 64)
    for order in list(permutations(range(4)))[:6]:
        visibility = look(Room(tuple(room.bodies[i] for i in order)), 64)
        assert (np.array([0, *(i + 1 for i in order)])[visibility.instances] == first.instances).all()
        assert (visibility.boxes == first.boxes[list(order)]).all()


def test_depth_orders_bodies_as_they_hide_each_other() -> None:
    hidden = 0
    for index in range(60):
        room = layout.sample(4, "train", index)
        visibility = look(room, 64)
        for i in np.flatnonzero(visibility.visible_area < visibility.area):
            mask = look(Room((room.bodies[i],)), 64).instances > 0
            for front in set(visibility.instances[mask].tolist()) - {0, i + 1}:
                hidden += 1
                assert depth(room.bodies[front - 1], CAMERA) < depth(room.bodies[i], CAMERA)
    assert hidden > 0


def test_truth_scales_with_the_image() -> None:
    small, large = truth(ROOMS, 64), truth(ROOMS, 256)
    assert (large.boxes / 4 - small.boxes).abs().max() <= 1
    assert small.instances is not None
    assert large.instances is not None
    # The centre of a pixel of 64 is the corner of four pixels of 256; on edges they may differ.
    assert (large.instances[:, 2::4, 2::4] == small.instances).float().mean() > 0.97
    assert (large.depth == small.depth).all()
    assert all((large.extra[key] == small.extra[key]).all() for key in small.extra)


def test_truth_says_what_the_room_holds() -> None:
    known = truth(ROOMS, 64)
    assert known.present.all()
    for b, room in enumerate(ROOMS):
        assert [SHAPES[label] for label in known.labels[b]] == [body.shape for body in room.bodies]
        colours = [list(COLOURS)[colour] for colour in known.extra["colour"][b]]
        assert colours == [body.colour for body in room.bodies]
        assert MATERIALS[known.extra["material"][b]] == room.material
        target = int(known.extra["target"][b])
        assert target == room.target
        assert known.extra["odd_shape"][b] == known.labels[b, target]
        assert (known.labels[b, :3] == known.extra["odd_shape"][b]).sum() == 1
        arrow, place = float(known.extra["rule/angle"][b, 3]), known.extra["rule/position"][b]
        way = place[target] - place[3]
        assert float(np.cos(arrow) * way[1] - np.sin(arrow) * way[0]) == pytest.approx(0, abs=1e-4)
        assert known.extra["lamps"][b, 0, 3] == pytest.approx(room.lamps[0].power)
