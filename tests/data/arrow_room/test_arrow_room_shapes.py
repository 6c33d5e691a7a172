"""Rays against solids and the room: closed forms, and laws that hold for all of them."""

import numpy as np
import pytest
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.room import SHAPES, Body
from gnm_data.arrow_room.shapes import Box, Cylinder, Placed, Solid, Sphere, Wedge, dot, place, unit

COVE, CAMERA, SIZES = STUDIO.cove, STUDIO.camera, STUDIO.sizes
SOLIDS: dict[str, Solid] = {
    "sphere": Sphere(0.665),
    "box": Box((0.6, 0.5, 0.4), 0.1),
    "cylinder": Cylinder(0.665, 0.5, 0.08),
    "wedge": Wedge(0.05, 0.85, 1.15, 0.18, 0.035),
}


@pytest.fixture(params=SOLIDS)
def solid(request: pytest.FixtureRequest) -> Solid:
    return SOLIDS[request.param]


def aimed(solid: Solid, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rays from a ball around the solid to points near it; most hit, many graze, some miss."""
    random = np.random.default_rng(0)
    origin = unit(random.normal(size=(3, count))) * 3
    target = random.uniform(-1.1, 1.1, (3, count)) * np.array(solid.half)[:, None]
    return origin.astype(np.float32), unit(target - origin).astype(np.float32)


def distance(solid: Solid, point: np.ndarray) -> np.ndarray:
    """To the surface: that to the core, less the radius of the ball that sweeps it."""
    away = point - solid.nearest(point)
    return np.sqrt(dot(away, away)) - solid.radius


def test_hits_lie_on_the_surface(solid: Solid) -> None:
    origin, direction = aimed(solid, 4000)
    t = solid.hit(origin, direction)
    hit = np.isfinite(t)
    assert 0.3 < hit.mean() < 1
    assert np.abs(distance(solid, (origin + t * direction)[:, hit])).max() < 2e-4


def test_normals_have_length_one_and_face_the_ray(solid: Solid) -> None:
    origin, direction = aimed(solid, 4000)
    t = solid.hit(origin, direction)
    hit = np.isfinite(t)
    normal = solid.normal((origin + t * direction)[:, hit])
    assert np.abs(dot(normal, normal) - 1).max() < 1e-5
    assert dot(normal, direction[:, hit]).max() < 0.02


def test_normals_are_the_gradient_of_the_distance(solid: Solid) -> None:
    origin, direction = aimed(solid, 500)
    t = solid.hit(origin, direction)
    point = (origin + t * direction)[:, np.isfinite(t)].astype(np.float64)
    point += 0.05 * solid.normal(point)
    step = 1e-4
    gradient = [
        (distance(solid, point + offset) - distance(solid, point - offset)) / (2 * step)
        for offset in step * np.eye(3)[:, :, None]
    ]
    assert np.abs(np.stack(gradient) - solid.normal(point)).max() < 1e-2


def test_newton_finds_what_tiny_steps_find(solid: Solid) -> None:
    origin, direction = aimed(solid, 600)
    t = solid.hit(origin, direction)
    steps = np.linspace(1.5, 4.5, 3001)
    along = np.stack([distance(solid, origin + step * direction) for step in steps])
    nearest = along.min(0)
    assert not np.isfinite(t[nearest > 1e-3]).any()
    assert np.isfinite(t[nearest < -1e-3]).all()
    sure = nearest < -1e-2
    first = steps[(along < 0).argmax(0)]
    assert np.abs(first - t)[sure].max() < 5e-3


def test_nearest_is_the_nearest_of_the_core(solid: Solid) -> None:
    random = np.random.default_rng(1)
    point = random.uniform(-1.5, 1.5, (3, 100))
    core = solid.nearest(random.uniform(-1.5, 1.5, (3, 20_000)))
    best = np.sqrt(((point[:, :, None] - core[:, None]) ** 2).sum(0)).min(1)
    found = point - solid.nearest(point)
    length = np.sqrt(dot(found, found))
    assert (length <= best + 1e-6).all()
    assert np.allclose(solid.nearest(solid.nearest(point)), solid.nearest(point), atol=1e-6)


def test_solids_fit_their_bounds(solid: Solid) -> None:
    origin, direction = aimed(solid, 4000)
    t = solid.hit(origin, direction)
    point = (origin + t * direction)[:, np.isfinite(t)]
    assert np.sqrt(dot(point, point)).max() <= solid.bound + 1e-3
    assert (np.abs(point).max(1) <= np.array(solid.half) + 1e-3).all()


def test_rays_that_lead_away_miss(solid: Solid) -> None:
    origin, _ = aimed(solid, 1000)
    assert not np.isfinite(solid.hit(origin, unit(origin))).any()


def test_a_sphere_is_hit_where_the_formula_says() -> None:
    origin, direction = aimed(SOLIDS["sphere"], 4000)
    middle = -(origin * direction).sum(0)
    square = 0.665**2 - ((origin**2).sum(0) - middle**2)
    hit = square > 1e-3
    t = SOLIDS["sphere"].hit(origin, direction)
    assert np.abs(t - (middle - np.sqrt(np.abs(square))))[hit].max() < 2e-3
    assert not np.isfinite(t[square < -1e-3]).any()


def test_flat_faces_are_hit_where_the_plane_is() -> None:
    random = np.random.default_rng(2)
    origin = np.stack((random.uniform(-0.4, 0.4, 100), random.uniform(-0.3, 0.3, 100), np.full(100, 2.0)))
    down = np.tile([[0.0], [0.0], [-1.0]], 100)
    for name, top in (("box", 0.4), ("cylinder", 0.5)):
        t = SOLIDS[name].hit(origin.astype(np.float32), down.astype(np.float32))
        assert np.allclose(t, 2 - top, atol=1e-5)
        up = SOLIDS[name].normal(origin - np.array([[0], [0], [2 - top]]))
        assert np.allclose(up, -down, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_bodies_stand_on_the_floor_at_their_place(shape: str) -> None:
    body = Body(shape, "red", 1.0, 2.0, 0.7)
    x, y = np.meshgrid(np.linspace(-0.5, 2.5, 241), np.linspace(0.5, 3.5, 241))
    origin = np.stack((x.ravel(), y.ravel(), np.full(x.size, 5.0))).astype(np.float32)
    down = np.tile(np.float32([[0], [0], [-1]]), x.size)
    up_origin = origin * np.float32([[1], [1], [-1]])
    top = np.minimum.reduce([part.hit(origin, down) for part in place(body, SIZES)])
    bottom = np.minimum.reduce([part.hit(up_origin, -down) for part in place(body, SIZES)])
    height = {"cube": 2 * SIZES.cube, "sphere": 2 * SIZES.sphere, "cylinder": 2 * SIZES.sphere, "arrow": 0.36}[shape]
    assert 5 - top.min() == pytest.approx(height, abs=1e-3)
    assert bottom.min() == pytest.approx(5, abs=1e-3)
    seen = np.isfinite(top)
    if shape != "arrow":
        assert x.ravel()[seen].mean() == pytest.approx(1, abs=0.01)
        assert y.ravel()[seen].mean() == pytest.approx(2, abs=0.01)


def test_an_arrow_is_as_long_and_wide_as_measured_and_points_along_its_angle() -> None:
    body = Body("arrow", "red", 0.0, 0.0, np.pi / 2)
    x, y = np.meshgrid(np.linspace(-1, 1, 401), np.linspace(-1, 1, 401))
    origin = np.stack((x.ravel(), y.ravel(), np.full(x.size, 5.0))).astype(np.float32)
    down = np.tile(np.float32([[0], [0], [-1]]), x.size)
    mask = np.isfinite(np.minimum.reduce([part.hit(origin, down) for part in place(body, SIZES)])).reshape(x.shape)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert y[rows[0], 0] == pytest.approx(-0.85, abs=0.01)
    assert y[rows[-1], 0] == pytest.approx(0.85, abs=0.04)  # its rounded tip
    assert x[0, columns[-1]] - x[0, columns[0]] == pytest.approx(1.15, abs=0.1)  # its rounded corners
    width = mask.sum(1) * 0.005
    shaft, head = y[:, 0] < 0, y[:, 0] > 0.1
    assert np.median(width[shaft & mask.any(1)]) == pytest.approx(0.45, abs=0.02)
    assert (np.diff(width[head]) <= 0).all()


def test_placing_turns_rays_and_normals_alike() -> None:
    plain = place(Body("cube", "red", 0.0, 0.0), SIZES)[0]
    turned = place(Body("cube", "red", 0.5, -0.5, 0.6), SIZES)[0]
    origin, direction = aimed(plain.solid, 500)
    spin = Placed(plain.solid, plain.centre, np.float32(np.cos(0.6)), np.float32(np.sin(0.6)))
    there = turned.centre + spin.world(origin)
    t, moved = plain.hit(plain.centre + origin, direction), turned.hit(there, spin.world(direction))
    both = np.isfinite(t) & np.isfinite(moved)
    assert (np.isfinite(t) != np.isfinite(moved)).mean() < 0.01
    assert np.abs(t[both] - moved[both]).max() < 1e-3
    assert np.allclose(spin.local(spin.world(direction)), direction, atol=1e-6)


def test_rays_in_the_room_end_on_floor_cove_or_wall() -> None:
    random = np.random.default_rng(3)
    origin = np.stack((random.uniform(-4, 4, 3000), random.uniform(-7, 7, 3000), random.uniform(0.1, 6, 3000)))
    direction = unit(random.normal(size=(3, 3000)))
    t = COVE.hit(origin.astype(np.float32), direction.astype(np.float32))
    ends = np.isfinite(t)
    _, y, z = (origin + t * direction)[:, ends]
    floor = (np.abs(z) < 1e-3) & (y <= COVE.start + 1e-3)
    wall = (np.abs(y - COVE.wall) < 1e-3) & (z >= COVE.radius - 1e-3)
    bend = np.abs(np.hypot(y - COVE.start, z - COVE.radius) - COVE.radius) < 2e-3
    assert (floor | wall | (bend & (y > COVE.start - 1e-3) & (z < COVE.radius + 1e-3))).all()
    # Only rays that rise, or lead away from the wall, can leave.
    assert ((direction[2] > 0) | (np.abs(direction[1]) < 0.1))[~ends].all()
    assert not ends[(direction[2] > 0) & (direction[1] < 0)].any()
    normal = COVE.normal((origin + t * direction)[:, ends])
    assert np.abs(dot(normal, normal) - 1).max() < 2e-3
    assert dot(normal, direction[:, ends]).max() < 1e-3


def test_the_rooms_profile_and_its_inverse_agree() -> None:
    arcs = np.linspace(-10, 12, 200)
    point = COVE.at(arcs, np.zeros(200))
    assert np.allclose(COVE.arc(point), arcs, atol=1e-4)
    lengths = np.sqrt((np.diff(point, axis=1) ** 2).sum(0))
    assert np.allclose(lengths, np.diff(arcs), atol=1e-3)


def test_projecting_inverts_casting() -> None:
    x, y = np.meshgrid(np.arange(0.5, 96, 7), np.arange(0.5, 96, 7))
    direction = CAMERA.rays(x.ravel(), y.ravel(), 96)
    assert np.abs(dot(direction, direction) - 1).max() < 1e-6
    point = np.array(CAMERA.position)[:, None] + 5.0 * direction
    u, v = CAMERA.project(point, 96)
    assert np.allclose(u, x.ravel(), atol=1e-3)
    assert np.allclose(v, y.ravel(), atol=1e-3)
