"""Light in the Arrow Room keeps to conservation laws and agrees with brute force."""

import numpy as np
import pytest
from gnm_data.arrow_room.bounce import bounce, by_normal, quadratic
from gnm_data.arrow_room.coat import Coat, schlick
from gnm_data.arrow_room.lamps import SquareLamp
from gnm_data.arrow_room.look import Lamp
from gnm_data.arrow_room.looks import STUDIO
from gnm_data.arrow_room.rays import Rays, reflect, through
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.scene import Scene
from gnm_data.arrow_room.shapes import dot, unit

LIGHT, COVE, CAMERA = STUDIO.light, STUDIO.cove, STUDIO.camera
BOUNCE = bounce(COVE, LIGHT)


def directions(count: int, seed: int = 0) -> np.ndarray:
    """(3, N) float32, evenly over the sphere."""
    return unit(np.random.default_rng(seed).normal(size=(3, count))).astype(np.float32)


@pytest.mark.parametrize("lamp", LIGHT.lamps)
def test_four_points_stand_for_a_lamp(lamp: Lamp) -> None:
    point = np.array([[0.0, 2.0, -3.0], [0.0, 3.0, -2.0], [0.0, 0.5, 1.0]], np.float32)
    normal = np.tile(np.float32([[0.0], [0.0], [1.0]]), 3)
    square = SquareLamp(lamp, LIGHT.radiance)
    quick = sum(
        light * np.maximum(dot(way, normal), 0) for way, light in (square.arriving(point, n) for n in square.nodes())
    )
    ticks = (np.arange(60) + 0.5) / 30 - 1
    across, up, ahead = lamp.axes()
    exact = np.zeros(3)
    for u in ticks:
        for v in ticks:
            way = np.add(lamp.position, lamp.half * (u * across + v * up))[:, None] - point
            length = np.sqrt(dot(way, way))
            exact += np.maximum(way[2] / length, 0) * np.maximum(-dot(way, ahead[:, None]) / length, 0) / length**2
    exact *= LIGHT.radiance * lamp.power * (2 * lamp.half) ** 2 / 3600
    assert np.allclose(quick, exact, rtol=5e-3)


def test_a_lamp_shines_ahead_only() -> None:
    lamp = SquareLamp(Lamp((0.0, 0.0, 5.0), 1.0, 1.0, (0.0, 0.1, 10.0)), LIGHT.radiance)
    _, light = lamp.arriving(np.zeros((3, 1), np.float32), lamp.centre)
    assert light == 0
    assert lamp.mirrored(np.zeros((3, 1), np.float32), np.float32([[0], [0], [1]]), 0.1) == 0


def test_a_smooth_mirror_shows_a_lamp_as_it_is_and_a_rough_one_spreads_the_same_light() -> None:
    lamp = SquareLamp(Lamp((0.0, 0.0, 5.0), 0.5, 1.0, (0.0, 1e-3, 0.0)), LIGHT.radiance)
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 301), np.linspace(-1.5, 1.5, 301))
    direction = unit(np.stack((x.ravel(), y.ravel(), np.ones(x.size)))).astype(np.float32)
    origin = np.zeros((3, 1), np.float32)
    smooth = lamp.mirrored(origin, direction, 1e-5).reshape(x.shape)
    assert smooth[150, 150] == pytest.approx(LIGHT.radiance, rel=1e-3)
    assert smooth[150, 150 + 15] == 0 or smooth[150, 150 + 15] < LIGHT.radiance / 100
    rough = lamp.mirrored(origin, direction, 0.05).reshape(x.shape)
    assert rough.max() < smooth.max()
    assert rough.sum() == pytest.approx(smooth.sum(), rel=0.05)


def test_a_form_of_even_light_is_even() -> None:
    way = directions(50_000)
    form = quadratic(way, np.full(way.shape[1], 4 * np.pi / way.shape[1]))
    assert np.allclose(by_normal(form, directions(50, seed=1)), np.pi, rtol=0.02)


def test_a_form_of_one_light_is_nearly_its_cosine() -> None:
    way, normal = unit(np.array([[1.0], [-2.0], [3.0]])), directions(500)
    cosine = np.maximum(dot(normal, way), 0)
    error = by_normal(quadratic(way, np.ones(1)), normal) - cosine
    assert np.abs(error).max() < 0.15
    assert abs(error.mean()) < 0.02


def test_a_form_is_what_summing_over_light_gives() -> None:
    way, light = directions(3000), np.random.default_rng(2).uniform(0, 1, 3000)
    light *= 1 + way[2]  # brighter from above
    normal = directions(50, seed=1)
    exact = (np.maximum(np.einsum("kn,km->nm", normal, way), 0) * light).sum(1)
    assert np.allclose(by_normal(quadratic(way, light), normal), exact, rtol=0.05)


def test_indirect_light_is_at_least_the_worlds_and_at_most_what_lamps_could_give() -> None:
    floor = BOUNCE.floor
    assert floor.min() > 0
    point = COVE.at(np.linspace(-10, 8, 50), np.zeros(50)).astype(np.float32)
    indirect = BOUNCE.on_room(point)
    direct = np.zeros(50)
    for lamp in (SquareLamp(lamp, LIGHT.radiance) for lamp in LIGHT.lamps):
        for node in lamp.nodes():
            way, light = lamp.arriving(point, node)
            direct += light * np.maximum(dot(way, COVE.normal(point)), 0)
    # With albedo 0.8 and an open front, light is thrown back less than four times over.
    assert (indirect < 4 * direct.max() + np.pi * LIGHT.world).all()
    assert (indirect > 0.3 * np.pi * LIGHT.world).all()


def test_bodies_get_most_light_from_the_floor_and_least_from_above() -> None:
    down, up = (by_normal(BOUNCE.form, np.float32([[0], [0], [z]])) for z in (-1, 1))
    assert down > 1.5 * up
    assert up > 0.9 * np.pi * LIGHT.world


@pytest.mark.parametrize("facing", [0.2, 0.5, 0.9])
def test_the_coats_whole_is_the_sum_of_its_directions(facing: float) -> None:
    coat = Coat(STUDIO.finishes[0])
    way = directions(200_000)
    way[2] = np.abs(way[2])
    eye = np.float32([[np.sqrt(1 - facing**2)], [0], [facing]])
    sent = coat.towards(eye, np.float32([[0], [0], [1]]), way) * way[2]
    assert (sent >= 0).all()
    assert 2 * np.pi * sent.mean() == pytest.approx(float(coat.whole(np.array([facing]))[0]), abs=0.015)
    assert 0 < coat.whole(np.array([facing])) < 0.2


def test_the_coat_looks_the_same_both_ways() -> None:
    coat, normal = Coat(STUDIO.finishes[0]), np.float32([[0], [0], [1]])
    a, b = directions(500), directions(500, seed=1)
    a, b = (unit(np.stack((x, y, np.abs(z) + 0.05))) for x, y, z in (a, b))
    assert np.allclose(coat.towards(a, normal, b), coat.towards(b, normal, a), rtol=1e-3)


def test_metal_keeps_its_colour_straight_on_and_is_white_along_its_surface() -> None:
    base = np.float32([[0.8], [0.3], [0.1]])
    assert np.allclose(schlick(base, np.ones(1)), base)
    assert np.allclose(schlick(base, np.zeros(1)), 1)


def test_mirrored_rays_leave_the_surface_near_the_mirrors_direction() -> None:
    pixels = np.arange(500)
    rays = through(CAMERA, pixels, 64, 2, 1)
    normal = unit(directions(2000) - rays.direction * 1.2)
    mirror, cosine = reflect(rays.direction, normal)
    steep = cosine < -0.3
    onward, _ = rays.mirrored(np.zeros_like(normal), normal, 0.04)
    assert np.abs(dot(onward.direction, onward.direction) - 1).max() < 1e-4
    assert (dot(onward.direction, normal) > -1e-4).all()
    angle = np.arccos(np.clip(dot(onward.direction, mirror), -1, 1))
    assert np.median(angle[steep]) < 0.1
    exact, _ = rays.mirrored(np.zeros_like(normal), normal, 0.0)
    assert np.abs(exact.direction - mirror)[:, steep].max() < 1e-5


def test_patterns_fill_the_square_evenly() -> None:
    rays = through(CAMERA, np.arange(64), 8, 4, 4)
    numbers = rays.pattern(0, 4)
    assert numbers.shape == (2, 64 * 16, 4)
    assert (numbers >= 0).all()
    assert (numbers < 1).all()
    for pixel in numbers.reshape(2, 64, 64).transpose(1, 0, 2):
        counts, _, _ = np.histogram2d(*pixel, bins=4, range=[[0, 1], [0, 1]])
        assert counts.min() >= 1
        assert counts.max() <= 8
    assert not np.allclose(rays.pattern(0, 4), rays.pattern(1, 4))


def test_each_ray_goes_through_its_own_pixel() -> None:
    rays: Rays = through(CAMERA, np.array([0, 17]), 16, 3, 1)
    alone = through(CAMERA, np.array([17]), 16, 3, 1)
    assert (rays.direction[:, 9:] == alone.direction).all()
    assert (rays.shift[:, 9:] == alone.shift).all()


def test_an_empty_room_has_light_everywhere() -> None:
    light = Scene(Room(())).radiance(through(CAMERA, np.arange(32 * 32), 32, 1, 1))
    assert light.dtype == np.float32
    assert light.min() > 0.1
    assert light.max() < 1
